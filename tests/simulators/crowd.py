"""Thousands of devices live in one process: `python -m tests.simulators.crowd --devices 5000 --alone 500`.

Devices speak at their natural rate (thermostats and sensors every five minutes, meters every minute): those `alone`
have a connection each, the others speak through Zigbee2MQTT bridges of a hundred. Against a real Mosquitto, with an
independent client listening, so many seconds after all have connected:

    expected and heard messages a second, CPU of the simulators' process, its memory, and how late messages come
"""

import argparse
import asyncio
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import orjson
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from devices.message import SourceConfig
from devices.model import Assignment, Device, DeviceKind, Estate
from devices.timestamps import FOREVER, SECOND, from_rfc3339
from ingest.servers import mosquitto
from simulators.publish import Broker, simulate
from tests.simulators.reference import council

_PER_BRIDGE = 100
_CONNECTED_WITHIN_S = 120
_SETTLED_AFTER_S = 3
"""until what was due while they connected has been sent"""
_THERMOSTAT = "Danfoss 014G2461"


class Figures(NamedTuple):
    """What a crowd did."""

    connections: int
    expected_per_s: float
    heard_per_s: float
    cpu_share: float
    """of one core"""
    memory_mb: float
    late_p99_s: float


def crowd(devices: int, alone: int, hurry: int = 1) -> Estate:
    """So many devices, `alone` of them native; `hurry` times their natural rate."""
    estate = council(max(2, devices // 50), alone, interval=max(1, 300 // hurry))
    home = estate.councils["ref"]
    fast = max(1, 60 // hurry)
    native = {
        name: replace(device, interval=fast) if "meter" in device.kind else device
        for name, device in home.devices.items()
    }
    spaces = [(name, space) for name, building in home.buildings.items() for space in building.spaces]
    others, sources = {}, dict(home.sources)
    for number in range(devices - alone):
        building, space = spaces[number % len(spaces)]
        source = f"z{number // _PER_BRIDGE}"
        sources[source] = SourceConfig(source, "ref", "zigbee2mqtt", f"zigbee2mqtt/{source}")
        place = (Assignment(0, FOREVER, building, "", space),)
        name = f"trv-{number}"
        others[name] = Device(
            name, "ref", DeviceKind.RADIATOR_THERMOSTAT, _THERMOSTAT, source, name, max(1, 300 // hurry), place
        )
    return Estate({"ref": replace(home, devices={**native, **others}, sources=sources)})


async def measure(estate: Estate, folder: Path, seconds: float) -> Figures:
    """Run the estate live against a broker of its own, and listen."""
    devices = list(estate.councils["ref"].devices.values())
    loop, all_there = asyncio.get_running_loop(), asyncio.Event()
    native = sum(device.source == "native" for device in devices)
    bridges = len({device.source for device in devices} - {"native"})
    wanted = bridges + len(devices)
    online, late = set[str](), list[float]()
    async with mosquitto(folder) as broker:
        listener = Client(CallbackAPIVersion.VERSION2)

        def on_message(client: Client, userdata: object, message: MQTTMessage) -> None:
            if message.topic.endswith(("/status", "/bridge/state", "/availability")):
                online.add(message.topic)
                if len(online) == wanted:
                    loop.call_soon_threadsafe(all_there.set)
            elif message.topic.endswith("/readings") or ("/trv-" in message.topic and not message.retain):
                body = orjson.loads(message.payload)
                told = body.get("time") or body.get("last_seen")
                if told is not None:
                    late.append((time.time_ns() - from_rfc3339(told)) / SECOND)

        listener.on_message = on_message
        listener.connect(broker.host, broker.port)
        listener.subscribe("#", qos=1)
        listener.loop_start()
        stop = asyncio.Event()
        running = asyncio.create_task(simulate(estate, Broker(broker.host, broker.port), seed=1, stop=stop))
        await asyncio.wait_for(all_there.wait(), _CONNECTED_WITHIN_S)
        await asyncio.sleep(_SETTLED_AFTER_S)
        begun, cpu = time.monotonic(), _cpu()
        late.clear()
        await asyncio.sleep(seconds)
        lasted, used = time.monotonic() - begun, _cpu() - cpu
        count = len(late)
        stop.set()
        await asyncio.wait_for(running, 60)
        listener.disconnect()
        listener.loop_stop()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    p99 = sorted(late[:count])[int(count * 0.99)] if count else float("inf")
    expected = sum(1 / device.interval for device in devices)
    return Figures(native + bridges, expected, count / lasted, used / lasted, memory, p99)


def _cpu() -> float:
    """Of this process, with the listener's share."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=5_000)
    parser.add_argument("--alone", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=120)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(crowd(asked.devices, asked.alone), Path(folder) / "broker", asked.seconds))
    for name, value in figures._asdict().items():
        print(f"{name:16} {value:10.2f}")


if __name__ == "__main__":
    main()
