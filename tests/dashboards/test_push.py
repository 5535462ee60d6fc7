"""Pushing boards to a scripted Grafana that speaks the endpoints used, as its HTTP API documents them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import signature
from threading import Thread
from typing import Any

import pytest

from dashboards.commands import dashboards_push
from dashboards.push import Action, PushError, push
from dashboards.sources import Source

SOURCES = "/api/datasources/uid/"
READY = {f"{SOURCES}{source}": {"uid": str(source), "type": "influxdb"} for source in Source}


class Grafana:
    """What the scripted server holds, and what it was asked to change."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self.documents = dict(documents)
        self.written: list[str] = []
        self.credentials: set[str | None] = set()
        self.url = ""

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.written.append(path)
        if path == "/api/folders":
            self.documents[f"/api/folders/{body['uid']}"] = body
            return body
        board = body["dashboard"]
        held = {**board, "id": 7, "version": 3}
        self.documents[f"/api/dashboards/uid/{board['uid']}"] = {
            "dashboard": held,
            "meta": {"folderUid": body["folderUid"]},
        }
        return {"status": "success", "uid": board["uid"]}


@contextmanager
def scripted(documents: dict[str, Any]) -> Iterator[Grafana]:
    grafana = Grafana(documents)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            grafana.credentials.add(self.headers.get("Authorization"))
            found = grafana.documents.get(self.path)
            self._answer(200 if found else 404, found or {"message": "not found"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(200, grafana.post(self.path, body))

        def _answer(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    grafana.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield grafana
    finally:
        server.shutdown()
        server.server_close()


def test_pushing_twice_changes_nothing_the_second_time() -> None:
    with scripted(READY) as grafana:
        first = push(grafana.url, "a-token")
        assert [change.action for change in first] == [Action.CREATE] * 3
        assert grafana.written == ["/api/folders", "/api/dashboards/db", "/api/dashboards/db"]
        second = push(grafana.url, "a-token")
        assert [change.action for change in second] == [Action.KEEP] * 3
        assert len(grafana.written) == 3
        assert grafana.credentials == {"Bearer a-token"}


def test_a_dry_run_says_what_it_would_do_and_does_nothing() -> None:
    with scripted(READY) as grafana:
        assert [change.action for change in push(grafana.url, "t", dry_run=True)] == [Action.CREATE] * 3
        assert grafana.written == []


def test_a_board_that_somebody_edited_is_put_right() -> None:
    with scripted(READY) as grafana:
        push(grafana.url, "t")
        grafana.documents["/api/dashboards/uid/tolbooth-energy"]["dashboard"]["panels"].pop()
        changes = {change.uid: change.action for change in push(grafana.url, "t")}
        assert changes["tolbooth-energy"] is Action.UPDATE
        assert changes["tolbooth-occupancy"] is Action.KEEP


def test_boards_point_to_the_data_sources_that_are_named() -> None:
    own = {f"{SOURCES}{uid}": {"uid": uid, "type": "influxdb"} for uid in ("theirs", "rolled")}
    with scripted(own) as grafana:
        push(grafana.url, ("admin", "secret"), readings="theirs", rollups="rolled")
        board = grafana.documents["/api/dashboards/uid/tolbooth-energy"]["dashboard"]
        uids = {target["datasource"]["uid"] for panel in board["panels"] for target in panel["targets"]}
        assert uids == {panel["datasource"]["uid"] for panel in board["panels"]} == {"theirs", "rolled"}
        assert {variable["datasource"]["uid"] for variable in board["templating"]["list"]} == {"theirs"}
        assert not any(source in json.dumps(board) for source in Source)


def test_the_command_names_the_boards_own_data_sources() -> None:
    options = signature(dashboards_push).parameters
    assert (options["readings"].default, options["rollups"].default) == (Source.READINGS, Source.ROLLUPS)


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize(
    ("found", "says"),
    [(None, "has no data source with the uid {}: create it"), ({"type": "prometheus"}, "{} is of type prometheus")],
)
def test_a_missing_or_wrong_data_source_stops_it(source: Source, found: dict[str, Any] | None, says: str) -> None:
    with scripted(READY | {f"{SOURCES}{source}": found}) as grafana:
        with pytest.raises(PushError, match=says.format(source)):
            push(grafana.url, "t")
        assert grafana.written == []


def test_an_absent_grafana_is_named(a_free_port: int) -> None:
    with pytest.raises(PushError, match="does not answer"):
        push(f"http://127.0.0.1:{a_free_port}", "t")
