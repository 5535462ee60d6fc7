"""docs/new-device.md, run again on a real broker, ingest and database: from unknown on the bus to stored values."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devices.timestamps import to_rfc3339
from ingest.servers import Broker
from tests.bench.estate import write_estate
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import Publication, ingest_for, publisher, query, running
from tests.test_engineers import ROOT, matches, run

PAGE = ROOT / "docs" / "new-device.md"
PLUG, SENSOR = "shellyplusplugs-a8032ab11964", "24e124710b1a2c3d"

UNHEARD_OF = (
    {"seq": 7, "dev_eui": "0004A30B00000001", "temp": 20.9, "hum": 44, "co2": 612, "batt_mv": 3012, "window": "open"},
    {"seq": 8, "dev_eui": "0004A30B00000001", "temp": 20.7, "hum": 45, "co2": 590, "batt_mv": 3011, "window": "closed"},
)


def plug() -> Publication:
    """NotifyStatus of a Shelly Plus Plug S: Gen2 notifications, component Switch, as the maker documents them."""
    body = {
        "src": PLUG,
        "dst": f"{PLUG}/events",
        "method": "NotifyStatus",
        "params": {
            "ts": round(time.time(), 2),
            "switch:0": {"id": 0, "output": True, "apower": 84.2, "voltage": 234.1, "aenergy": {"total": 12345.678}},
        },
    }
    return Publication(f"{PLUG}/events/rpc", json.dumps(body).encode())


def sensor(count: int) -> Publication:
    """An uplink of The Things Stack; the frame is the example of Milesight's AM107 in the device repository."""
    uplink = {
        "f_port": 85,
        "f_cnt": count,
        "frm_payload": "AXVcA2c0AQRoZQVqSQA=",
        "received_at": to_rfc3339(time.time_ns()),
        "version_ids": {"brand_id": "milesight-iot", "model_id": "am107"},
    }
    ids = {"device_id": "stage-air", "dev_eui": SENSOR.upper()}
    body = {"end_device_ids": ids, "uplink_message": uplink}
    return Publication("v3/bench@ttn/devices/stage-air/up", json.dumps(body).encode())


@asynccontextmanager
async def talking(broker: Broker) -> AsyncIterator[None]:
    """The plug tells its state every half second; the sensor has told its values four times, and is silent."""
    async with publisher(broker) as client:

        async def talk() -> None:
            while True:
                await client.publish([plug()])
                await asyncio.sleep(0.5)

        for count in range(4):
            await client.publish([sensor(count)])
            await asyncio.sleep(0.01)
        task = asyncio.create_task(talk())
        try:
            yield
        finally:
            task.cancel()


async def test_the_transcript_is_what_happens(
    tmp_path: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    estate = write_estate(tmp_path / "estate", 1)
    council = estate / "sim-bench" / "council.yaml"
    council.write_text(council.read_text() + "sources:\n  - {id: lora, format: thethingsstack, topic: v3/bench@ttn}\n")
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    (tmp_path / ".tolbooth").mkdir()
    (tmp_path / ".tolbooth" / "tolbooth.toml").write_text(
        f'registry = "estate"\ndata = "{ingest.data}"\n[mqtt]\nport = {broker.port}\n'
    )
    blocks = "".join(re.findall(r"^```console\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", blocks, re.MULTILINE)
    assert len(commands) == 7
    (tmp_path / "payloads.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in UNHEARD_OF))
    async with running(ingest), talking(broker):
        await ingest.until(lambda said: said["fates"]["quarantined"] >= 4)
        for command, shown in commands:
            if command.startswith("influx"):
                await until_stored(database.url, "kettle" if "kettle" in command else "stage-air")
            typed = command.replace("-port 8086", f"-port {database.url.rpartition(':')[2]}")
            now = await asyncio.to_thread(run, typed, tmp_path)
            assert matches(shown, now), f"$ {command}\n{now}\nis not what docs/new-device.md shows:\n{shown}"


async def until_stored(url: str, device: str, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not await query(url, f"SELECT * FROM power, climate WHERE device = '{device}' LIMIT 1"):
        assert time.monotonic() < deadline, f"nothing of {device} was stored"
        await asyncio.sleep(0.2)
