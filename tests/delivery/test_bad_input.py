"""What devices must not send, from a real broker to a real database: a reason for each, and no neighbour lost."""

import json
import time
from pathlib import Path

from devices.schema import FIELDS, TAGS
from tests.bench.estate import BUILDING, COUNCIL
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import (
    Publication,
    Reading,
    assert_stored,
    ingest_for,
    native,
    publisher,
    query,
    running,
)

BASE = f"tolbooth/v1/{COUNCIL}"
READINGS = f"{BASE}/{BUILDING}/sim-00001/readings"
NOW = int(time.time())
BAD: tuple[tuple[str, str, bytes, str], ...] = (
    ("unknown device", f"{BASE}/{BUILDING}/ghost/readings", b'{"temperature":20}', "unknown_device"),
    ("a status that is none", f"{BASE}/{BUILDING}/sim-00001/status", b"asleep", "malformed"),
    ("cut off", READINGS, b'{"temperature":', "malformed"),
    ("not JSON", READINGS, b"temperature=20", "malformed"),
    ("not UTF-8", READINGS, b'{"temperature":"\xff\xfe"}', "malformed"),
    ("half a surrogate", READINGS, b'{"\\ud800":1}', "malformed"),
    ("NUL bytes", READINGS, b"\0" * 100, "malformed"),
    ("100,000 brackets", READINGS, b"[" * 100_000, "malformed"),
    ("NaN", READINGS, b'{"temperature":NaN}', "malformed"),
    ("infinite", READINGS, b'{"temperature":-Infinity}', "malformed"),
    ("1 MB", READINGS, b'{"temperature":20,"x":"' + b"x" * 1_000_000 + b'"}', "too_large"),
    ("10,001 elements", READINGS, b"[" + b"0," * 10_000 + b"0]", "too_large"),
    ("a number alone", READINGS, b"21.5", "wrong_type"),
    ("an array of numbers", READINGS, b"[21.5]", "wrong_type"),
    ("a word for a number", READINGS, b'{"temperature":"warm"}', "wrong_type"),
    ("a number as text", READINGS, b'{"temperature":"20"}', "wrong_type"),
    ("true for a number", READINGS, b'{"temperature":true}', "wrong_type"),
    ("two for a state", READINGS, b'{"occupied":2}', "wrong_type"),
    ("an unknown name", READINGS, b'{"temprature":20}', "unknown_field"),
    ("a name of ingest's own", READINGS, b'{"online":true}', "unknown_field"),
    ("an injected tag", READINGS, b'{"temperature.a,council=other":20}', "unknown_field"),
    ("an injected line", READINGS, b'{"temperature.a b=1 1\\nclimate,council=x":20}', "unknown_field"),
    ("too hot", READINGS, b'{"temperature":900}', "out_of_range"),
    ("enormous", READINGS, b'{"temperature":1e308}', "out_of_range"),
    ("a 1,000-digit integer", READINGS, b'{"pulses":1' + b"0" * 1_000 + b"}", "malformed"),
    ("a clock never set", READINGS, b'{"time":0,"temperature":20}', "bad_time"),
    ("seconds", READINGS, b'{"time":%d,"temperature":20}' % NOW, "bad_time"),
    ("nanoseconds", READINGS, b'{"time":%d,"temperature":20}' % (NOW * 10**9), "bad_time"),
    ("no zone", READINGS, b'{"time":"2026-11-23T10:15:00","temperature":20}', "bad_time"),
    ("no such day", READINGS, b'{"time":"2026-02-30T10:15:00Z","temperature":20}', "bad_time"),
    ("time as a list", READINGS, b'{"time":[],"temperature":20}', "bad_time"),
    ("1970", READINGS, b'{"time":"1970-01-01T00:00:00Z","temperature":20}', "time_out_of_window"),
    ("the year 9999", READINGS, b'{"time":"9999-12-31T23:59:59Z","temperature":20}', "time_out_of_window"),
    ("an hour ahead", READINGS, b'{"time":%d,"temperature":20}' % ((NOW + 3_600) * 1_000), "time_out_of_window"),
    ("31 days old", READINGS, b'{"time":%d,"temperature":20}' % ((NOW - 31 * 86_400) * 1_000), "time_out_of_window"),
    ("capitals in the topic", f"{BASE}/{BUILDING}/SIM-00001/readings", b'{"temperature":20}', "bad_topic"),
    ("an empty level", f"{BASE}//sim-00001/readings", b'{"temperature":20}', "bad_topic"),
    ("quotes in the topic", f'{BASE}/{BUILDING}/"x",y= z/readings', b'{"temperature":20}', "bad_topic"),
    ("right to left", f"{BASE}/{BUILDING}/\u202egnp.exe/readings", b'{"temperature":20}', "bad_topic"),
    ("a very long topic", f"{BASE}/{BUILDING}/{'x' * 60_000}/readings", b'{"temperature":20}', "bad_topic"),
)  # fmt: skip


async def test_each_fault_has_its_reason_and_no_neighbour_is_lost(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    messages: list[Publication] = []
    good = 0
    for _, topic, payload, _ in BAD:
        messages.append(Publication(topic, payload))
        for _ in range(5):
            messages.append(
                native(f"sim-{good % 7:05d}", {"pulses": good + 1.0}, None, council=COUNCIL, building=BUILDING)
            )
            good += 1
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        await client.publish(messages)
        said = await ingest.settled(len(messages))
        found = {(topic, payload): (reason, detail) for topic, payload, reason, detail in ingest.quarantine()}
        reasons = {name: found[topic, payload][0] for name, topic, payload, _ in BAD}
        assert reasons == {name: reason for name, _, _, reason in BAD}
        assert all(0 < len(detail) <= 1_000 and detail.isprintable() for _, detail in found.values())
        assert said["fates"] == {
            "stored": good, "journalled": 0, "duplicate": 0, "quarantined": len(BAD), "refused": 0,
        }  # fmt: skip
        await assert_stored(database, client.ledger)
        measurements = {row[0] for series in await query(database, "SHOW MEASUREMENTS") for row in series["values"]}
        assert measurements <= {field.measurement for field in FIELDS}
        tags = {row[0] for series in await query(database, "SHOW TAG KEYS") for row in series["values"]}
        assert tags <= set(TAGS)
        levels = {
            row[1]
            for series in await query(database, 'SHOW TAG VALUES WITH KEY = "building"')
            for row in series["values"]
        }
        assert levels == {BUILDING}


async def test_a_bad_value_does_not_cost_the_good_ones_beside_it(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    payload = b'{"humidity":500,"temperature":20.5,"co2":"many","colour":3}'
    elements = b'[{"pulses":5},7,{"time":"today","pulses":6},{"pulses":1e300}]'
    expected = (Reading("sim-00001", "temperature", 20.5, None), Reading("sim-00001", "pulses", 5.0, None))
    messages = [Publication(READINGS, payload, expected[:1]), Publication(READINGS, elements, expected[1:])]
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        await client.publish(messages)
        said = await ingest.settled(2)
        assert said["fates"]["stored"] == 2
        assert said["values"] == {"stored": 2, "rejected": 6}
        assert said["quarantine"]["rows"] == 2
        await assert_stored(database, client.ledger, ["temperature", "humidity", "co2", "pulses"])


async def test_a_retained_message_without_a_time_is_no_new_reading(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    """T9: whatever the broker replays at each of six starts, what was stored when it was live is all there is."""
    broker, database = await start_broker(), await start_database()
    now = int(time.time() * 1_000)
    messages = [
        native(f"sim-{index:05d}", {"pulses": index + 1.0}, stamp, council=COUNCIL, building=BUILDING)._replace(
            retain=True
        )
        for index in range(100)
        for stamp in (None if index % 2 else now + index,)
    ]
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        await client.publish(messages)
        await ingest.settled(100)
        for start in range(1, 6):
            await ingest.process.stop()
            await ingest.process.start()
            said = await ingest.settled(100 + start * 100)
            assert said["fates"]["refused"] == said["reasons"]["refused"]["retained"] == start * 50
        await assert_stored(database, client.ledger)


async def test_a_retained_message_that_is_cleared_is_counted_and_leaves_nothing_in_quarantine(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    reading = native("sim-00001", {"pulses": 1.0}, None, council=COUNCIL, building=BUILDING)._replace(retain=True)
    topics = (reading.topic, f"{BASE}/{BUILDING}/sim-00001/status", f"{BASE}/{BUILDING}/ghost/readings")
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        await client.publish([reading, *(Publication(topic, b"", retain=True) for topic in topics)])
        said = await ingest.settled(4)
        assert said["reasons"] == {"quarantined": {}, "refused": {"empty_payload": 3}}
        assert said["quarantine"]["rows"] == 0
        await assert_stored(database, client.ledger)


async def test_what_is_sent_three_times_in_any_order_is_stored_once(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    """T10, for messages that tell their time."""
    broker, database = await start_broker(), await start_database()
    now = int(time.time() * 1_000)
    once = [
        native(f"sim-{index % 20:05d}", {"pulses": index + 1.0}, now - index, council=COUNCIL, building=BUILDING)
        for index in range(300)
    ]
    thrice = sorted(once * 3, key=lambda message: hash(json.dumps([message.topic, message.payload.decode()])) % 997)
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    async with running(ingest), publisher(broker) as client:
        await client.publish(thrice)
        await ingest.settled(len(thrice))
        for reading in client.ledger.readings:
            client.ledger.readings[reading] = 1
        await assert_stored(database, client.ledger)
