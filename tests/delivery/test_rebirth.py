"""An edge node whose birth nobody heard, on real servers and with the broker's rules: it is asked, and born again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.formats import sparkplug_payload as wire
from devices.formats.sparkplug_payload import Metric, Payload
from devices.registry import load
from ingest.security import store
from ingest.security.accounts import INGEST
from ingest.servers import Broker, Database, mosquitto
from tests.bench.estate import COUNCIL, device
from tests.conftest import StartDatabase
from tests.delivery.harness import Ingest, Reading, ingest_for, running, stored
from tests.delivery.test_replay import command, settings_file

GATEWAY = f"{COUNCIL}.spb"
NCMD = "spBv1.0/hall/NCMD/n1"


@dataclass(frozen=True, slots=True)
class Site:
    broker: Broker
    database: Database
    ingest: Ingest
    security: Path
    estate: Path


def sparkplug_estate(estate: Path) -> None:
    """The first device becomes an edge node of a Sparkplug group."""
    council, table = estate / COUNCIL / "council.yaml", estate / COUNCIL / "devices.csv"
    council.write_text(f"{council.read_text()}sources:\n  - {{id: spb, format: sparkplug, topic: spBv1.0/hall}}\n")
    head, first, *_ = table.read_text().splitlines()
    table.write_text(f"{head},source,address\n{first},spb,hall/n1\n")


@asynccontextmanager
async def site(
    folder: Path, estate: Path, start_database: StartDatabase, settings: dict[str, str] | None = None
) -> AsyncIterator[Site]:
    sparkplug_estate(estate)
    security = folder / "security"
    store.init(security, load(estate), time.time_ns(), registry=estate)
    database = await start_database()
    async with mosquitto(folder / "broker", security=security) as broker:
        login = {"TOLBOOTH_MQTT__USERNAME": INGEST, "TOLBOOTH_MQTT__PASSWORD": store.password(security, INGEST)}
        ingest = ingest_for(
            folder / "ingest",
            estate,
            broker=broker.port,
            database=database.url,
            settings={**login, **(settings or {})},
        )
        async with running(ingest):
            yield Site(broker, database, ingest, security, estate)


class EdgeNode:
    """An edge node made of paho, with an alias for its one metric; it answers nothing by itself."""

    def __init__(self, place: Site) -> None:
        self.commands: SimpleQueue[paho.MQTTMessage] = SimpleQueue()
        self.now_ms = int(time.time() * 1_000)
        ready: SimpleQueue[int] = SimpleQueue()
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2, "edge-node")
        client.username_pw_set(GATEWAY, store.password(place.security, GATEWAY))
        client.on_message = lambda _client, _userdata, message: self.commands.put(message)
        client.on_subscribe = lambda *_: ready.put(1)
        client.connect(place.broker.host, place.broker.port)
        client.loop_start()
        client.subscribe(NCMD, qos=1)
        ready.get(timeout=20)

    def send(self, kind: str, seq: int, *metrics: Metric) -> Reading:
        self.now_ms += 1_000
        body = wire.write(Payload(self.now_ms, seq, list(metrics)))
        self._client.publish(f"spBv1.0/hall/{kind}/n1", body, qos=0).wait_for_publish(20)
        return Reading(device(0), "temperature", float(str(metrics[-1].value)), self.now_ms * 1_000_000)

    def data(self, seq: int, value: float) -> Reading:
        return self.send("NDATA", seq, Metric(alias=1, datatype=wire.DOUBLE, value=value))

    def birth(self, value: float) -> Reading:
        number = Metric("bdSeq", datatype=wire.INT64, value=3)
        control = Metric("Node Control/Rebirth", datatype=wire.BOOLEAN, value=False)
        unit = {"engUnit": "degC"}
        measured = Metric("Temperature", alias=1, datatype=wire.DOUBLE, value=value, properties=unit)
        return self.send("NBIRTH", 0, number, control, measured)

    async def command(self) -> paho.MQTTMessage:
        return await asyncio.to_thread(self.commands.get, timeout=20)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


async def test_an_edge_node_nobody_heard_is_asked_born_and_stored(
    tmp_path: Path, estate: Path, start_database: StartDatabase
) -> None:
    async with site(tmp_path, estate, start_database) as place:
        node = EdgeNode(place)
        try:
            early = [node.data(5, 18.0), node.data(6, 18.5), node.data(9, 19.0)]
            asked = await node.command()
            assert (asked.topic, asked.qos, asked.retain) == (NCMD, 0, False)
            payload = wire.read(bytes(asked.payload))
            (metric,) = payload.metrics
            assert (metric.name, metric.datatype, metric.value) == ("Node Control/Rebirth", wire.BOOLEAN, True)
            assert payload.seq is None
            assert abs((payload.timestamp or 0) - time.time() * 1_000) < 30_000
            said = await place.ingest.settled(3)
            assert said["reasons"]["quarantined"] == {"no_description": 3}

            known = [node.birth(20.5), node.data(1, 21.0), node.data(2, 21.5)]
            said = await place.ingest.settled(6)
            assert said["fates"]["stored"] == 3
            assert set(await stored(place.database, ["temperature"])) == set(known)

            settings = settings_file(tmp_path, place.ingest, place.estate, place.broker.port)
            code, output = await command(place.ingest, "quarantine", "replay", "--settings", settings, "--all")
            assert code == 0, output
            said = await place.ingest.until(lambda said: said["fates"]["stored"] == 6)
            assert said["quarantine"]["rows"] == said["journal"]["rows"] == 0
            assert set(await stored(place.database, ["temperature"])) == {*early, *known}
            with pytest.raises(Empty):  # once, whatever was wished in between, and never by the replay
                node.commands.get_nowait()
            assert place.ingest.log.count("asked for a rebirth") == 1
        finally:
            await asyncio.to_thread(node.close)


async def test_where_another_host_asks_ingest_does_not(
    tmp_path: Path, estate: Path, start_database: StartDatabase
) -> None:
    settings = {"TOLBOOTH_SPARKPLUG__REBIRTH": "false"}
    async with site(tmp_path, estate, start_database, settings) as place:
        node = EdgeNode(place)
        try:
            node.data(5, 18.0)
            said = await place.ingest.settled(1)
            assert said["reasons"]["quarantined"] == {"no_description": 1}
            with pytest.raises(Empty):
                await asyncio.to_thread(node.commands.get, timeout=0.5)
        finally:
            await asyncio.to_thread(node.close)
