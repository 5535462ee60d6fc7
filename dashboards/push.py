"""Push the boards to a Grafana that someone else runs, over its HTTP API; a second push changes nothing.

The data sources must be there, since their credentials are their owner's; each can be named if it is not ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException
from niquests.exceptions import RequestException

from dashboards.build import committed
from dashboards.panels import Json
from dashboards.sources import KIND, Source, reference
from devices.errors import MendableError

FOLDER_UID: Final = "tolbooth"
FOLDER_TITLE: Final = "Tolbooth"
TIMEOUT: Final = 15.0
"""Seconds for one request."""

Api = Any
"""grafana-client's API; its methods carry no types."""
Credential = str | tuple[str, str]
"""A service account's token, or a user's name and password."""


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Change:
    """What was done with a folder or a board, or would be done in a dry run."""

    action: Action
    what: str
    uid: str


class PushError(MendableError):
    """The boards cannot be pushed; the text says what to do."""


def push(
    url: str,
    credential: Credential,
    *,
    readings: str = Source.READINGS,
    rollups: str = Source.ROLLUPS,
    dry_run: bool = False,
) -> list[Change]:
    """Create or update the folder and the boards; in a dry run only look.

    Args:
        readings, rollups: uids of Grafana's data sources.

    Raises:
        PushError: Grafana is away, refuses, or has not both data sources.
    """
    theirs = {Source.READINGS: readings, Source.ROLLUPS: rollups}
    grafana: Api = GrafanaApi.from_url(url, credential, timeout=TIMEOUT)
    try:
        for uid in theirs.values():
            _require_datasource(grafana, uid)
        changes = [_folder(grafana, dry_run)]
        changes += [_board(grafana, _pointed(board, theirs), dry_run) for board in committed()]
    except GrafanaException as error:
        raise PushError(f"{url}: Grafana answered {error.status_code}: {error.message}") from error
    except RequestException as error:
        raise PushError(f"{url}: Grafana does not answer: {error}") from error
    return changes


def _require_datasource(grafana: Api, uid: str) -> None:
    found = _found(lambda: grafana.datasource.get_datasource_by_uid(uid))
    if found is None:
        raise PushError(f"Grafana has no data source with the uid {uid}: create it, or name the one to use")
    if found.get("type") != KIND:
        raise PushError(f"data source {uid} is of type {found.get('type')}: the boards need InfluxDB with InfluxQL")


def _folder(grafana: Api, dry_run: bool) -> Change:
    if _found(lambda: grafana.folder.get_folder(FOLDER_UID)) is not None:
        return Change(Action.KEEP, f"folder {FOLDER_TITLE}", FOLDER_UID)
    if not dry_run:
        grafana.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID)
    return Change(Action.CREATE, f"folder {FOLDER_TITLE}", FOLDER_UID)


def _board(grafana: Api, board: Json, dry_run: bool) -> Change:
    found = _found(lambda: grafana.dashboard.get_dashboard(board["uid"]))
    action = Action.CREATE if found is None else Action.UPDATE
    if found is not None and _holds(found.get("dashboard", {}), board) and _place(found) == FOLDER_UID:
        action = Action.KEEP
    if action is not Action.KEEP and not dry_run:
        body = {"dashboard": board, "folderUid": FOLDER_UID, "overwrite": True, "message": "Pushed by Tolbooth"}
        grafana.dashboard.update_dashboard(body)
    return Change(action, f"board {board['title']}", board["uid"])


def _pointed(value: Any, theirs: Mapping[Source, str]) -> Any:
    """The JSON with its references to our data sources pointed to theirs."""
    for source, uid in theirs.items():
        if value == reference(source):
            return {**value, "uid": uid}
    if isinstance(value, dict):
        return {key: _pointed(one, theirs) for key, one in value.items()}
    if isinstance(value, list):
        return [_pointed(one, theirs) for one in value]
    return value


def _holds(theirs: Any, ours: Any) -> bool:
    """Whether Grafana has all that we say; it adds keys of its own (id, version, defaults)."""
    if isinstance(ours, Mapping):
        return isinstance(theirs, Mapping) and all(_holds(theirs.get(key), value) for key, value in ours.items())
    if isinstance(ours, list):
        same = isinstance(theirs, list) and len(theirs) == len(ours)
        return same and all(_holds(one, other) for one, other in zip(theirs, ours, strict=True))
    return bool(theirs == ours)


def _place(found: Mapping[str, Any]) -> str:
    return str(found.get("meta", {}).get("folderUid", ""))


def _found(ask: Callable[[], Any]) -> Mapping[str, Any] | None:
    try:
        answer: Mapping[str, Any] = ask()
    except GrafanaClientError as error:
        if error.status_code == 404:
            return None
        raise
    return answer
