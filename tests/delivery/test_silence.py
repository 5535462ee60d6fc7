"""Silence, live (T19): a gateway that falls silent is one alarm in `/status`, the log and the database, and it ends.

And the canary, live: the whole path, and what says that it is broken.
"""

import json
import time
from pathlib import Path

from tests.bench.estate import BUILDING, COUNCIL
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import Publication, hanging, ingest_for, native, publisher, query, running

BRIDGE = "zigbee2mqtt/hall"
ROUNDS = 8
"""Seconds until the alarm for a device that is to send each second holds: four, and the pauses between looks."""


def write_estate(folder: Path) -> Path:
    """Twenty native devices that ought to send each second, and a Zigbee bridge with ten that may take their time."""
    council = folder / COUNCIL
    (council / "buildings").mkdir(parents=True)
    (council / "council.yaml").write_text(
        f"id: {COUNCIL}\nname: Bench\ninvented: true\nclimate_station: edinburgh_rbge\n"
        f"sources:\n  - {{id: bridge, format: zigbee2mqtt, topic: {BRIDGE}}}\n"
    )
    (council / "buildings" / f"{BUILDING}.yaml").write_text(
        "name: Hall\nuse: office\ntm46: 1\nfloor_area_m2: 1000\nlevels: {ground: Ground}\n"
    )
    rows = [f"sim-{n:05d},room_sensor,X,native,,1,{BUILDING},2020-01-01" for n in range(20)]
    rows += [f"z{n},bulb,X,bridge,lamp-{n},1h,{BUILDING},2020-01-01" for n in range(10)]
    (council / "devices.csv").write_text("id,kind,model,source,address,interval,building,from\n" + "\n".join(rows))
    return folder


def round_of(skip: int = -1) -> list[Publication]:
    return [
        native(f"sim-{n:05d}", {"pulses": time.time() // 1}, None, council=COUNCIL, building=BUILDING)
        for n in range(20)
        if n != skip
    ]


async def test_silence_is_raised_and_ends(
    tmp_path: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    ingest = ingest_for(
        tmp_path / "ingest", write_estate(tmp_path / "estate"), broker=broker.port, database=database.url
    )
    async with running(ingest), publisher(broker) as client:
        for _ in range(ROUNDS):  # one is silent among twenty
            await client.publish(round_of(skip=3), per_second=20)
        said = await ingest.status()
        assert [(alarm["device"], alarm["devices"]) for alarm in said["alarms"]] == [("sim-00003", 1)]
        await client.publish(round_of())
        await ingest.until(lambda said: not said["alarms"], 10)
        assert ingest.log.count("alarm: ") == ingest.log.count("alarm over: ") == 1
        said = await ingest.until(lambda said: bool(said["alarms"]), 20)  # all are silent
        assert [(alarm["source"], alarm["device"], alarm["devices"]) for alarm in said["alarms"]] == [
            ("native", "", 20)
        ]
        await client.publish(round_of())
        await ingest.until(lambda said: not said["alarms"], 10)
        await client.publish([Publication(f"{BRIDGE}/bridge/state", json.dumps({"state": "offline"}).encode())])
        said = await ingest.settled(ROUNDS * 19 + 41)
        assert said["residual"] == 0
        assert said["reasons"]["refused"] == {"presence": 1}


async def test_the_canary_makes_the_whole_way_and_tells_when_it_cannot(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    settings = {"TOLBOOTH_CANARY__PERIOD": "0.5"}
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url, settings=settings)
    async with running(ingest):
        said = await ingest.until(lambda said: said["canary"] == "ok")
        assert said["canary_age_s"] < 1.5
        (series,) = await query(database, 'SELECT "canary_s" FROM "ingest" GROUP BY "device"')
        assert series["tags"] == {"device": "tolbooth-ingest"}
        assert 0 < series["values"][0][1] < 10
        assert said["received"] == sum(said["fates"].values()) == 0
        with hanging(database):
            said = await ingest.until(lambda said: not said["ready"], 20)
            assert "the way to the database is held up" in said["canary"]
        await ingest.until(lambda said: said["ready"], 40)
