"""S5 in short; `python -m tests.security.floods` is the long form of the same."""

import asyncio
import time
from pathlib import Path

import pytest

from devices.registry import load
from ingest.security import broker as told
from ingest.security import store
from ingest.security.accounts import INGEST
from ingest.servers import mosquitto, shipped_config
from tests.delivery.report import markdown
from tests.security import floods
from tests.security.clients import ACCEPTED, Client, trusting
from tests.security.conftest import account


async def test_floods_cost_ingest_little_memory_and_the_others_little_time(tmp_path: Path) -> None:
    """In so short a time a single wait is the figure, which another program may cause: half a second is let go."""
    proof = await floods.prove(tmp_path, seconds=1.5, rounds=1, floor_s=0.5)
    assert proof.holds, markdown(proof)


async def test_devices_cannot_take_the_connection_that_ingest_needs(
    tmp_path: Path, registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told, "MAX_CONNECTIONS", 5)
    security = tmp_path / "security"
    store.init(security, load(registry), time.time_ns(), registry=registry)
    device, tls = store.login(security, account(0)), trusting(security)
    async with mosquitto(tmp_path / "broker", security=security) as broker:
        crowd = [await asyncio.to_thread(Client, broker.host, broker.tls_port, device, tls) for _ in range(8)]
        taken = sum(client.code == ACCEPTED and not client.ended.is_set() for client in crowd)
        ingest = await asyncio.to_thread(Client, broker.host, broker.port, store.login(security, INGEST))
        for client in (*crowd, ingest):
            await asyncio.to_thread(client.close)
    assert taken == 5
    assert ingest.code == ACCEPTED


def test_the_bound_is_in_both_configurations_that_are_shipped() -> None:
    bound = f"max_connections {told.MAX_CONNECTIONS}\n"
    assert told.installed(Path("x")).count(bound) == 2
    assert shipped_config("container-mosquitto.conf").count(bound) == 1
