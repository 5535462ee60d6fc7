"""Fixtures that start the real servers: a private Mosquitto and a private InfluxDB on free loopback ports."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import hypothesis
import pytest
import pytest_asyncio

from ingest.processes import free_port
from ingest.servers import Broker, Database, influxdb, mosquitto

# how long one example takes is a matter of the machine, and of what else it does
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


class StartBroker(Protocol):
    """Starts a broker of the test's own; it ends with the test."""

    async def __call__(self, *, config: str | None = None, default_config: bool = False) -> Broker: ...


class StartDatabase(Protocol):
    """Starts an InfluxDB of the test's own; it ends with the test."""

    async def __call__(self) -> Database: ...


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    """One broker for the whole run: use topics and client ids of your own, and do not stop it."""
    async with mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """One InfluxDB for the whole run: use a database name of your own, and do not stop it."""
    async with influxdb(tmp_path_factory.mktemp("influxdb")) as running:
        yield running


@pytest_asyncio.fixture
async def start_broker(tmp_path: Path) -> AsyncIterator[StartBroker]:
    """Brokers that a test may kill and start again."""
    async with AsyncExitStack() as running:

        async def start(*, config: str | None = None, default_config: bool = False) -> Broker:
            folder = tmp_path / f"broker-{free_port()}"
            return await running.enter_async_context(mosquitto(folder, config=config, default_config=default_config))

        yield start


@pytest_asyncio.fixture
async def start_database(tmp_path: Path) -> AsyncIterator[StartDatabase]:
    """Databases that a test may kill and start again."""
    async with AsyncExitStack() as running:

        async def start() -> Database:
            return await running.enter_async_context(influxdb(tmp_path / f"influxdb-{free_port()}"))

        yield start


@pytest.fixture
def a_free_port() -> int:
    """A loopback port that nobody listens on."""
    return free_port()
