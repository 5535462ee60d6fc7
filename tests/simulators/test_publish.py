"""Live, against a real Mosquitto, heard by an independent client."""

import asyncio
import json
import queue
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from devices.model import Estate
from devices.timestamps import SECOND, from_rfc3339
from simulators.publish import Broker, simulate
from tests.conftest import StartBroker
from tests.simulators.estates import estate

Heard = queue.Queue[tuple[str, bytes, bool, int]]
"""topic, payload, retained, QoS"""


@asynccontextmanager
async def _listener(port: int) -> AsyncIterator[Heard]:
    heard: Heard = queue.Queue()

    def on_message(client: Client, userdata: object, message: MQTTMessage) -> None:
        heard.put((message.topic, bytes(message.payload), message.retain, message.qos))

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    subscribed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_subscribe(client: Client, userdata: object, mid: int, codes: list[ReasonCode], properties: object) -> None:
        loop.call_soon_threadsafe(subscribed.set)

    client.on_subscribe = on_subscribe
    client.connect("127.0.0.1", port)
    client.subscribe("#", qos=1)
    client.loop_start()
    try:
        await asyncio.wait_for(subscribed.wait(), 30)
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


async def _until(heard: Heard, wanted: set[str], seconds: float = 60) -> dict[str, tuple[bytes, int]]:
    """Last payload and QoS of each topic, once every wanted topic has been heard."""
    last: dict[str, tuple[bytes, int]] = {}
    ends = time.monotonic() + seconds
    while not wanted <= last.keys():
        assert time.monotonic() < ends, wanted - last.keys()
        await asyncio.sleep(0.05)
        while not heard.empty():
            topic, payload, _, qos = heard.get_nowait()
            last[topic] = (payload, qos)
    return last


def _each_second() -> Estate:
    """The estate with every device so eager that a test need not wait a minute for it."""
    council = estate().councils["sim"]
    eager = {name: replace(device, interval=1) for name, device in council.devices.items()}
    return Estate({"sim": replace(council, devices=eager)})


async def test_devices_are_born_speak_and_leave(start_broker: StartBroker, tmp_path: Path) -> None:
    broker = await start_broker()
    stop, state = asyncio.Event(), tmp_path / "state.json"
    native, bridge = "tolbooth/v1/sim/school", "zigbee2mqtt/school"
    async with _listener(broker.port) as heard:
        running = asyncio.create_task(
            simulate(_each_second(), Broker(broker.host, broker.port), seed=3, state_file=state, stop=stop)
        )
        last = await _until(
            heard,
            {f"{native}/air/status", f"{native}/air/readings", f"{native}/m-main/readings", f"{bridge}/bridge/state",
             f"{bridge}/bridge/devices", f"{bridge}/room-1/trv/availability", f"{bridge}/room-1/trv"},
        )  # fmt: skip
        assert last[f"{native}/air/status"] == (b"online", 1)
        payload, qos = last[f"{native}/air/readings"]
        body = json.loads(payload)
        assert qos == 1
        assert {"temperature", "humidity", "co2"} <= body.keys()
        assert abs(from_rfc3339(body["time"]) - time.time_ns()) < 5 * SECOND
        assert json.loads(last[f"{bridge}/room-1/trv"][0])["local_temperature"] > 5
        assert len(json.loads(last[f"{bridge}/bridge/devices"][0])) == 6
        stop.set()
        await asyncio.wait_for(running, 30)
    assert json.loads(state.read_text())["told"] == pytest.approx(time.time(), abs=10)
    async with _listener(broker.port) as heard:
        kept = await _until(heard, {f"{native}/air/status", f"{bridge}/bridge/state", f"{bridge}/bridge/devices"})
    assert kept[f"{native}/air/status"][0] == b"offline"
    assert json.loads(kept[f"{bridge}/bridge/state"][0]) == {"state": "offline"}
    assert not [topic for topic in kept if topic.endswith("/readings")]


async def test_a_cancelled_run_leaves_cleanly_too(start_broker: StartBroker) -> None:
    broker = await start_broker()
    status = "tolbooth/v1/sim/school/air/status"
    async with _listener(broker.port) as heard:
        running = asyncio.create_task(simulate(estate(), Broker(broker.host, broker.port), seed=3))
        assert (await _until(heard, {status}))[status][0] == b"online"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await _until(heard, {status}))[status][0] == b"offline"


async def test_after_the_broker_comes_back_every_device_does(start_broker: StartBroker) -> None:
    broker = await start_broker()
    stop = asyncio.Event()
    topics = {"tolbooth/v1/sim/school/air/readings", "zigbee2mqtt/school/room-1/trv"}
    running = asyncio.create_task(simulate(_each_second(), Broker(broker.host, broker.port), seed=3, stop=stop))
    async with _listener(broker.port) as heard:
        await _until(heard, topics)
    await broker.process.kill()
    await asyncio.sleep(1)
    await broker.process.start()
    async with _listener(broker.port) as heard:
        again = await _until(heard, topics | {"zigbee2mqtt/school/bridge/devices"})
    body = json.loads(again["tolbooth/v1/sim/school/air/readings"][0])
    assert time.time_ns() - from_rfc3339(body["time"]) < 30 * SECOND
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_a_faster_run_begins_in_the_accepted_past(start_broker: StartBroker) -> None:
    broker = await start_broker()
    stop, topic = asyncio.Event(), "tolbooth/v1/sim/school/m-main/readings"
    async with _listener(broker.port) as heard:
        running = asyncio.create_task(
            simulate(estate(), Broker(broker.host, broker.port), seed=3, speed=600, stop=stop)
        )
        times: list[int] = []
        ends = time.monotonic() + 60
        while len(times) < 30 and time.monotonic() < ends:
            await asyncio.sleep(0.05)
            while not heard.empty():
                name, payload, _, _ = heard.get_nowait()
                if name == topic:
                    times.append(from_rfc3339(json.loads(payload)["time"]))
        stop.set()
        await asyncio.wait_for(running, 30)
    assert len(times) >= 30
    age_days = (time.time_ns() - times[0]) / SECOND / 86_400
    assert 27.9 < age_days < 28.1
    assert all(abs(b - a - 60 * SECOND) < 4 * SECOND for a, b in pairwise(times))
