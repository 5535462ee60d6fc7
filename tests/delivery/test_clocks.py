"""T13: whatever a device's clock says, its reading is stored at the right time or quarantined with the claim kept.

kWh of local days of 23 and 25 hours: tests/dashboards/test_queries.py.
"""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from tests.bench.estate import BUILDING, COUNCIL
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import Publication, ingest_for, publisher, query, running

LONDON = ZoneInfo("Europe/London")
NOW: Final = int(time.time()) - 60
HOUR, YEAR = 3_600, 366 * 86_400
SECOND = 10**9


def last_change(month: int) -> datetime:
    """01:00 UTC of the last Sunday of March or October that is gone: when the clocks of Scotland change."""
    today = datetime.now(UTC)
    for year in (today.year, today.year - 1):
        day = datetime(year, month, 31, 1, tzinfo=UTC)
        day -= timedelta(days=(day.weekday() + 1) % 7)
        if day < today - timedelta(hours=2):
            return day
    raise AssertionError


BACK, FORWARD = last_change(10), last_change(3)
HALF_PAST_TWICE = BACK.strftime("%Y-%m-%dT01:30:00")
HALF_PAST_NEVER = FORWARD.strftime("%Y-%m-%dT01:30:00")
BACK_S, FORWARD_S = int(BACK.timestamp()), int(FORWARD.timestamp())


class Case(NamedTuple):
    what: str
    format: str
    claim: Any
    """the time as the device writes it"""
    stored_s: int | None
    """where it is stored, epoch seconds"""
    reason: str = ""
    """why it is not"""


def rfc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


CASES: Final = (
    Case("right, in ms", "native", NOW * 1_000, NOW),
    Case("right, in words", "native", rfc(NOW - 10), NOW - 10),
    Case("right, in s, where s are meant", "senml", NOW - 20, NOW - 20),
    Case("five minutes ahead", "native", rfc(NOW + 300), NOW + 300),
    Case("1970", "native", "1970-01-01T00:00:07Z", None, "time_out_of_window"),
    Case("1970, a counter of ms since power came", "native", 86_400_000, None, "bad_time"),
    Case("an hour ahead", "native", rfc(NOW + HOUR), None, "time_out_of_window"),
    Case("a year ahead", "native", rfc(NOW + YEAR), None, "time_out_of_window"),
    Case("a year ahead, in s", "senml", NOW + YEAR, None, "time_out_of_window"),
    Case("years behind", "native", rfc(NOW - 3 * YEAR), None, "time_out_of_window"),
    Case("s where ms are meant", "native", NOW, None, "bad_time"),
    Case("µs where ms are meant", "native", NOW * 1_000_000, None, "bad_time"),
    Case("ms where s are meant", "senml", NOW * 1_000, None, "time_out_of_window"),
    Case("local, without a zone", "native", HALF_PAST_TWICE, None, "bad_time"),
    Case("the repeated hour, its first half past", "native", f"{HALF_PAST_TWICE}+01:00", BACK_S - HOUR // 2),
    Case("the repeated hour, its second", "native", f"{HALF_PAST_TWICE}+00:00", BACK_S + HOUR // 2),
    Case("local and repeated: the one nearer to its arrival", "tasmota", HALF_PAST_TWICE, BACK_S + HOUR // 2),
    Case("before the missing hour", "native", f"{FORWARD:%Y-%m-%d}T00:30:00+00:00", FORWARD_S - HOUR // 2),
    Case("after the missing hour", "native", f"{FORWARD:%Y-%m-%d}T02:30:00+01:00", FORWARD_S + HOUR // 2),
    Case("local and missing: of a clock that was not put forward", "tasmota", HALF_PAST_NEVER, FORWARD_S + HOUR // 2),
    Case("local, in summer", "tasmota", f"{BACK:%Y-%m-%d}T00:30:00", BACK_S - HOUR - HOUR // 2),
    Case("local, in winter", "tasmota", f"{BACK:%Y-%m-%d}T12:30:00", BACK_S + 11 * HOUR + HOUR // 2),
    Case("local, a clock never set: its arrival counts", "tasmota", "1970-01-01T00:00:09", NOW),
)


def published(number: int, case: Case) -> Publication:
    """The case's message; its temperature tells it from the others."""
    value = 10 + number / 2
    if case.format == "senml":
        pack = [{"bn": "sen-1/", "bt": case.claim, "n": "temperature", "u": "Cel", "v": value}]
        return Publication("senml/one", json.dumps(pack).encode())
    if case.format == "tasmota":
        return Publication(
            "tele/tas-1/SENSOR", json.dumps({"Time": case.claim, "DS18B20": {"Temperature": value}}).encode()
        )
    topic = f"tolbooth/v1/{COUNCIL}/{BUILDING}/sim-00001/readings"
    return Publication(topic, json.dumps({"time": case.claim, "temperature": value}).encode())


def extend(estate: Path) -> None:
    """Put a source that sends SenML and one that sends Tasmota's messages into the estate, with a device each."""
    council = estate / COUNCIL
    with (council / "council.yaml").open("a") as file:
        file.write("sources:\n  - {id: sen, format: senml}\n  - {id: tas, format: tasmota}\n")
    (council / "devices.yaml").write_text(
        "devices:\n"
        + "".join(
            f"  - {{id: {name}-1, kind: room_sensor, model: Any sensor, source: {name}, address: {name}-1,"
            f" interval: 60s, assignments: [{{building: {BUILDING}, space: room, from: 2015-01-01}}]}}\n"
            for name in ("sen", "tas")
        )
    )


async def test_every_clock_is_stored_right_or_quarantined_with_its_claim(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    extend(estate)
    settings = {"TOLBOOTH_WINDOW__PAST_DAYS": "400"}  # so that the last changes of the clocks are in it on any day
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url, settings=settings)
    messages = [published(number, case) for number, case in enumerate(CASES)]
    async with running(ingest), publisher(broker) as client:
        await client.publish(messages)
        said = await ingest.settled(len(CASES))
        series = await query(database, 'SELECT "temperature_c" FROM "climate"')
        at = {value: moment for one in series for moment, value in one["values"]}
        kept = {payload: (reason, detail) for _, payload, reason, detail in ingest.quarantine()}
    found = {}
    for number, (case, message) in enumerate(zip(CASES, messages, strict=True)):
        stored = at.get(10 + number / 2)
        found[case.what] = kept[message.payload][0] if stored is None else stored
    arrival = found.pop(CASES[-1].what)
    assert isinstance(arrival, int)
    assert 0 <= arrival - NOW * SECOND < 600 * SECOND
    assert found == {case.what: case.stored_s * SECOND if case.stored_s else case.reason for case in CASES[:-1]}
    refused = [(case, message) for case, message in zip(CASES, messages, strict=True) if case.reason]
    assert len(kept) == said["fates"]["quarantined"] == len(refused)
    for case, message in refused:
        assert json.dumps(case.claim) in message.payload.decode(), "the claim is kept as it was written"
        detail = kept[message.payload][1]
        assert "claimed" in detail or "found" in detail, detail
    assert said["residual"] == 0
