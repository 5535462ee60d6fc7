"""A session that runs for a test, and waiting for what it says and takes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ingest.processes import HOST
from ingest.session import Batch, Session
from ingest.settings import Mqtt


@asynccontextmanager
async def running(port: int, *, stale: tuple[str, ...] = (), **options: object) -> AsyncIterator[Session]:
    made = Session(Mqtt.model_validate({"host": HOST, "port": port, **options}), ("tolbooth/v1/#",), stale)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def take(made: Session, limit: int = 100) -> Batch:
    async with asyncio.timeout(20):
        return await made.take(limit)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  the session tells its state to whoever looks
            await asyncio.sleep(0.01)


async def says(made: Session, words: str) -> None:
    await until(lambda: words in made.state.text)
    assert not made.state.connected
