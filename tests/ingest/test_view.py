"""The live view: pure frames in, text out."""

import io
import json
from dataclasses import replace

import pytest
from pydantic import ValidationError
from rich.console import Console, RenderableType

from ingest.terminal import frames, history
from ingest.view import (
    SHOWN,
    Frame,
    Guide,
    Rewritten,
    RollUps,
    Space,
    Status,
    latest_query,
    plain,
    read_spaces,
    render,
    render_status,
)

ANSWER = {
    "received": 1_300,
    "fates": {"stored": 1_200, "journalled": 60, "duplicate": 5, "quarantined": 25, "refused": 10},
    "reasons": {
        "quarantined": {"unknown_device": 20, "malformed": 1, "out_of_range": 1, "bad_time": 1, "not_finite": 2},
        "refused": {},
    },
    "values": {"stored": 4_800, "rejected": 3},
    "rewritten": {"values": 0, "last": ""},
    "residual": 0,
    "journal": {"rows": 2, "messages": 60, "bytes": 9_000, "oldest_s": 1.25},
    "quarantine": {"rows": 25, "aged_out": 0},
    "lag_s": 0.31,
    "broker": "connected to 127.0.0.1:1884",
    "database": "ok",
    "ready": True,
    "registry": "",
    "rollups": {"pending": 3, "oldest_s": 42.0, "state": "ok", "ok": True},
    "devices": {"registered": 124, "online": 120},
    "canary": "ok",
    "alarms": [],
}
"""What ingest answers to GET /status, by its contract; keys that the view does not show are allowed."""

STATUS = Status.model_validate_json(json.dumps(ANSWER))
GUIDE = Guide(
    "127.0.0.1",
    1884,
    "http://127.0.0.1:8087",
    "telemetry",
    ".tolbooth",
    ".tolbooth/security",
    "telemetry-grafana",
    {"preview": "http://127.0.0.1:9"},
)
FRAME = Frame(STATUS, STATUS.model_copy(update={"received": 1_200}), 2.0, (), GUIDE)


def text(renderable: RenderableType, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(renderable)
    return out.getvalue()


def test_rate_is_of_the_time_between_two_frames() -> None:
    assert FRAME.rate == 50.0
    assert replace(FRAME, previous=None).rate == 0.0
    assert replace(FRAME, seconds=0.0).rate == 0.0


def test_a_restarted_ingest_has_no_negative_rate() -> None:
    assert replace(FRAME, previous=STATUS.model_copy(update={"received": 9_999})).rate == 0.0


def test_the_roll_ups_are_told_and_why_they_stand() -> None:
    shown = text(render_status(STATUS))
    assert "ok, 3 half-hours wait, the oldest for 42.0 s" in shown
    assert "roll-ups" not in plain(FRAME)
    standing = RollUps(pending=0, oldest_s=0.0, state="waiting: no right", ok=False)
    status = STATUS.model_copy(update={"rollups": standing})
    assert "waiting: no right" in text(render_status(status))
    assert "roll-ups waiting: no right" in plain(replace(FRAME, status=status))


def test_the_frame_shows_figures_fates_and_where_to_go() -> None:
    shown = text(render(FRAME))
    for expected in (
        "50.0 a second, 1,300 received, lag 0.3 s",
        "stored 1,200, journalled 60, duplicate 5, quarantined 25, refused 10",
        "120 online of 124",
        "60 messages, 9,000 bytes, oldest 1.2 s",
        "unknown_device 20, not_finite 2, bad_time 1, malformed 1, others 1",
        "influx -host 127.0.0.1 -port 8087 -database telemetry",
        "mosquitto_sub -h 127.0.0.1 -p 1884",
        "http://127.0.0.1:9",
        "Ctrl-C",
    ):
        assert expected in shown
    assert "residual" not in shown
    assert "rewritten" not in shown


def test_a_registry_that_is_not_taken_up_stands_out() -> None:
    mistakes = "council.yaml:8: no \x1b topic\ndevices.csv:2: no such kind\ndevices.csv:3: no such kind"
    shown = " ".join(text(render_status(STATUS.model_copy(update={"registry": mistakes}))).split())
    assert "registry its change is not taken up: council.yaml:8: no \\x1b topic (and 2 more)" in shown
    assert "registry" not in text(render_status(STATUS))


def test_an_outage_and_a_residual_stand_out() -> None:
    status = STATUS.model_copy(update={"database": "waiting: \x1b[2J gone", "residual": 7})
    assert "7 messages without a fate" in text(render_status(status))
    assert "waiting: \\x1b[2J gone" in text(render_status(status))
    line = plain(replace(FRAME, status=status))
    assert "database waiting: \\x1b[2J gone" in line
    assert "\x1b" not in line


def test_rewritten_values_stand_out_with_the_last_of_them() -> None:
    rewritten = Rewritten(values=1_234, last="a\x1b: t was 1 and became 2")
    shown = text(render_status(STATUS.model_copy(update={"rewritten": rewritten})))
    assert "1,234 values replaced another of the same time, the last: a\\x1b: t was 1 and became 2" in shown


def test_the_plain_line_is_one_line() -> None:
    assert plain(FRAME) == (
        "50.0 messages/s, stored 1200, journalled 60, duplicate 5, quarantined 25, refused 10, "
        "values 4800, journal 60 messages, lag 0.3 s, devices 120/124 online"
    )


def test_spaces_show_their_latest_values() -> None:
    spaces = (Space("library", "hall", (20.66, 812.0, 1.0)), Space("library", "store", (17.0, None, 0.0)))
    shown = text(render(replace(FRAME, spaces=spaces)))
    rows = [line.split() for line in shown.splitlines() if "library" in line]
    assert [row[1:-1] for row in rows] == [
        ["library", "hall", "20.7", "812", "yes"],
        ["library", "store", "17.0", "–", "no"],
    ]
    assert "temperature °C" in shown
    assert "co2 ppm" in shown


def test_more_spaces_than_fit_are_counted() -> None:
    spaces = tuple(Space("school", f"room-{n}", (20.0, None, None)) for n in range(11))
    shown = text(render(replace(FRAME, spaces=spaces)))
    assert "and 3 more spaces" in shown
    assert "room-8" not in shown


def test_names_are_not_markup() -> None:
    shown = text(render(replace(FRAME, spaces=(Space("[red]b", "[/]", (1.0, None, None)),))))
    assert "[red]b" in shown


def test_the_questions_are_influxql() -> None:
    assert [latest_query(field) for field in SHOWN] == [
        'SELECT last("temperature_c") FROM "climate" WHERE time > now() - 1h GROUP BY "building", "space"',
        'SELECT last("co2_ppm") FROM "air" WHERE time > now() - 1h GROUP BY "building", "space"',
        'SELECT last("occupied") FROM "occupancy" WHERE time > now() - 1h GROUP BY "building", "space"',
    ]


def test_answers_become_spaces_of_all_buildings_in_turn_the_fullest_first() -> None:
    def series(building: str, space: str, value: float) -> dict[str, object]:
        tags = {"building": building, "space": space}
        return {"name": "m", "tags": tags, "columns": ["time", "last"], "values": [[1, value]]}

    answers = [
        [series("a", "bare", 21.0), series("a", "full", 20.0), series("a", "", 9.0), series("b", "hall", 19.0)],
        [series("a", "full", 500.0)],
        [],
    ]
    assert read_spaces(answers) == (
        Space("a", "full", (20.0, 500.0, None)),
        Space("b", "hall", (19.0, None, None)),
        Space("a", "bare", (21.0, None, None)),
    )


def test_another_status_is_refused() -> None:
    with pytest.raises(ValidationError, match="journal"):
        Status.model_validate_json(json.dumps({key: value for key, value in ANSWER.items() if key != "journal"}))


def test_without_a_terminal_frames_are_sparse_lines() -> None:
    out = io.StringIO()
    with frames(Console(file=out, width=40)) as show:
        show(FRAME)
        show(FRAME)
    assert out.getvalue() == plain(FRAME) + "\n"


def test_on_a_terminal_the_frame_is_redrawn() -> None:
    out = io.StringIO()
    with frames(Console(file=out, width=120, height=40, force_terminal=True, legacy_windows=False)) as show:
        show(FRAME)
        show(replace(FRAME, seconds=4.0))
    assert "25.0 a second" in out.getvalue()


def test_a_history_without_a_terminal_tells_each_tenth() -> None:
    out = io.StringIO()
    with history(Console(file=out), 1_000, 2_000) as progress:
        for count in range(1, 101):
            progress(count, 1_000 + count * 10)
    lines = out.getvalue().splitlines()
    assert lines == [f"history {tenth}0 %, {tenth * 10} messages" for tenth in range(1, 11)]


def test_what_makes_no_messages_counts_none() -> None:
    out = io.StringIO()
    with history(Console(file=out), 0, 10, "answers") as progress:
        progress(0, 5)
    assert out.getvalue() == "answers 50 %\n"
