"""Messages of real Zigbee2MQTT devices, from a real broker to a real database, read back by InfluxQL."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from devices.schema import FIELDS
from ingest.servers import Database
from tests.bench.estate import BUILDING, COUNCIL, write_estate
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import Publication, ingest_for, publisher, query, running
from tests.devices.vocabulary import Expected, expectations, payload_bytes, rows

BASE = "zigbee2mqtt"
BRIDGE = f"{BASE}/bridge/devices"
SHARE = 0.99
"""Of the expected values that must be stored."""


def messages() -> list[tuple[str, dict[str, Any]]]:
    """(topic, row) of every state in the corpus; each row without a name gets one of its own."""
    found = [*rows(BASE, "state_samples.jsonl"), *rows(BASE, "state_constructed_from_exposes.jsonl")]
    return [(row["topic"].replace("<name>", f"n{number}"), row) for number, row in enumerate(found)]


def friendly_name(topic: str, row: dict[str, Any]) -> str:
    """A state is an object on the device's topic; a property alone is text on a topic below it."""
    name = topic.removeprefix(f"{BASE}/")
    return name if isinstance(row["payload"], dict) else name.rpartition("/")[0]


def write_zigbee_estate(folder: Path, names: list[str]) -> Path:
    """The bench's council, with these devices of one bridge instead of its own."""
    council = write_estate(folder, 1) / COUNCIL
    with (council / "council.yaml").open("a") as file:
        file.write(f"sources: [{{id: z2m, format: zigbee2mqtt, topic: {BASE}}}]\n")
    head = "id,kind,model,interval,building,space,from,source,address\n"
    lines = [
        f"z{number},other,Zigbee device,3600,{BUILDING},room,2020-01-01,z2m,{name}\n"
        for number, name in enumerate(names)
    ]
    (council / "devices.csv").write_text(head + "".join(lines))
    return folder


async def values_by_device(database: Database) -> dict[str, list[tuple[str, float]]]:
    """device → (name of the schema, value) of all that is stored but ingest's own status."""
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    names = {(field.measurement, field.key): field.name for field in FIELDS}
    for series in await query(database, 'SELECT * FROM /.*/ GROUP BY "device"'):
        for row in series["values"]:
            for column, value in zip(series["columns"], row, strict=True):
                name = names.get((series["name"], column))
                if name is not None and value is not None:
                    found[series["tags"]["device"]].append((name, value))
    return found


def met(wanted: Expected, pool: list[tuple[str, float]]) -> bool:
    return any(wanted.met_by(*have) for have in pool)


async def test_the_corpus_is_stored_as_expected(
    tmp_path: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    corpus = messages()
    names = sorted({friendly_name(topic, row) for topic, row in corpus})
    estate = write_zigbee_estate(tmp_path / "estate", names)
    described = [device for row in rows(BASE, "bridge_devices_exposes.jsonl") for device in row["payload"]]
    broker, database = await start_broker(), await start_database()
    # the corpus was recorded long before the window of today
    settings = {"TOLBOOTH_WINDOW__PAST_DAYS": "36500"}
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url, settings=settings)
    async with publisher(broker) as client:
        await client.publish([Publication(BRIDGE, json.dumps(described).encode(), retain=True)])
        async with running(ingest):
            await ingest.settled(1)
            await client.publish([Publication(topic, payload_bytes(row)) for topic, row in corpus])
            said = await ingest.settled(1 + len(corpus))
            assert said["reasons"]["refused"]["description"] == 1
    found = await values_by_device(database)
    wanted, missing = 0, []
    for topic, row in corpus:
        device = f"z{names.index(friendly_name(topic, row))}"
        expected = expectations(row["expect"])
        wanted += len(expected)
        missing += [(topic, *each) for each in expected if not met(each, found[device])]
        assert not [each for each in expectations(row.get("expect_reject", ())) if met(each, found[device])], topic
    assert wanted > 350
    assert len(missing) <= (1 - SHARE) * wanted, f"{len(missing)} of {wanted} missing: {missing}"
