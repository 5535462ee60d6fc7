"""Fixtures of the security tests: an estate of twenty devices, its security folder, and a broker that knows it."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from devices.model import Estate
from devices.registry import load
from ingest.security import store
from ingest.servers import Broker, mosquitto
from tests.bench.estate import BUILDING, COUNCIL, device, write_estate

DEVICES = 20


@dataclass(frozen=True)
class Guarded:
    """A broker that lets nobody in but the accounts of `security`."""

    broker: Broker
    security: Path
    estate: Estate


def account(index: int) -> str:
    return f"{COUNCIL}.{device(index)}"


def topic(index: int, last: str = "readings") -> str:
    return f"tolbooth/v1/{COUNCIL}/{BUILDING}/{device(index)}/{last}"


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """Twenty native devices and a Zigbee2MQTT gateway."""
    folder = write_estate(tmp_path / "estate", DEVICES)
    council = folder / COUNCIL / "council.yaml"
    source = "{id: z2m-hall, format: zigbee2mqtt, topic: zigbee2mqtt/sim-hall}"
    council.write_text(f"{council.read_text()}sources:\n  - {source}\n")
    return folder


@pytest_asyncio.fixture
async def guarded(tmp_path: Path, registry: Path) -> AsyncIterator[Guarded]:
    council = registry / COUNCIL / "council.yaml"
    council.write_text(f"{council.read_text()}  - {{id: spb-hall, format: sparkplug, topic: spBv1.0/sim-hall}}\n")
    estate, security = load(registry), tmp_path / "security"
    store.init(security, estate, time.time_ns(), registry=registry)
    async with mosquitto(tmp_path / "broker", security=security) as broker:
        yield Guarded(broker, security, estate)
