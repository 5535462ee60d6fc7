"""Whatever the database does, each line ends stored or refused, and none is dropped (T8)."""

import asyncio
import re
from binascii import crc32
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from pydantic import SecretStr

from ingest.drain import RefusedLine, State, Writer
from ingest.influx import DatabaseError, Influx
from ingest.processes import HOST, free_port
from ingest.servers import Database
from ingest.settings import Influx as Options
from tests.ingest.test_judge import CONFLICT, error, message

Answer = Callable[[list[bytes]], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Scripted:
    """A server that answers each write by the script, then like InfluxDB; it keeps what it has taken."""

    script: list[Answer] = field(default_factory=list)
    bad: Callable[[bytes], bool] = lambda _: False
    refuse: Callable[[list[bytes], list[bytes]], web.Response] | None = None
    """answer to (all lines, bad lines); it takes none of them itself"""
    keeps_good: bool = False
    taken: list[bytes] = field(default_factory=list)
    writes: int = 0
    databases: list[str] = field(default_factory=lambda: ["telemetry"])
    url: str = ""

    async def write(self, request: web.Request) -> web.StreamResponse:
        self.writes += 1
        lines = (await request.read()).split(b"\n")
        if self.script:
            return await self.script.pop(0)(lines)
        bad = [line for line in lines if self.bad(line)]
        if bad and self.refuse:
            if self.keeps_good:
                self.taken += [line for line in lines if not self.bad(line)]
            return self.refuse(lines, bad)
        self.taken += lines
        return web.Response(status=204)

    async def query(self, request: web.Request) -> web.Response:
        if request.query["q"].startswith("CREATE"):
            self.databases.append("telemetry")
        return web.json_response({"results": [{"series": [{"values": [[name] for name in self.databases]}]}]})

    async def ping(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Influxdb-Version": "1.8.10"})


def status(code: int, text: str = "", **headers: str) -> Answer:
    async def answer(_: list[bytes]) -> web.StreamResponse:
        return web.Response(status=code, text=text, headers={name.replace("_", "-"): v for name, v in headers.items()})

    return answer


@asynccontextmanager
async def serving(scripted: Scripted) -> AsyncIterator[Scripted]:
    app = web.Application(client_max_size=2**30)
    app.add_routes(
        [
            web.post("/write", scripted.write),
            web.get("/query", scripted.query),
            web.post("/query", scripted.query),
            web.get("/ping", scripted.ping),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, HOST, port).start()
    scripted.url = f"http://{HOST}:{port}"
    try:
        yield scripted
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays of some milliseconds."""
    for name, seconds in {"FIRST_DELAY": 0.002, "LAST_DELAY": 0.01, "HALT_DELAY": 0.02}.items():
        monkeypatch.setattr(f"ingest.drain.{name}", seconds)


async def write(scripted: Scripted, lines: list[bytes], *, timeout_s: float = 20.0) -> tuple[list[RefusedLine], State]:
    state = State()
    options = Options(url=scripted.url, timeout=timeout_s)
    async with Influx(options) as influx:
        refused = await asyncio.wait_for(Writer(influx, state).write(b"\n".join(lines), len(lines)), 60)
    return refused, state


def many(count: int = 100) -> list[bytes]:
    return [b"climate,device=d%d x=%d %d" % (n, n, n) for n in range(count)]


async def reset(_: list[bytes]) -> web.StreamResponse:
    raise ConnectionResetError


async def hang(_: list[bytes]) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.Response(status=204)


async def slow(_: list[bytes]) -> web.StreamResponse:
    await asyncio.sleep(0.3)
    return web.Response(status=503)


@pytest.mark.parametrize(
    "answer",
    [
        *(status(code) for code in (200, 302, 401, 403, 404, 405, 408, 429, 499, 500, 502, 503, 504)),
        status(429, Retry_After="0.01"),
        status(500, error("retention policy not found: x")),
        status(302, Location="/ping"),
        reset,
        hang,
        slow,
    ],
)
async def test_lines_outlive_every_outage_in_order_and_once(answer: Answer) -> None:
    async with serving(Scripted(script=[answer] * 2)) as scripted:
        refused, state = await write(scripted, many(), timeout_s=1.0 if answer is hang else 20.0)
    assert refused == []
    assert scripted.taken == many()
    assert (state.ok, state.halted, state.text) == (True, False, "ok")


async def test_the_oldest_write_without_an_answer_is_told() -> None:
    asked, answered, now = asyncio.Event(), asyncio.Event(), 100.0

    async def late(_: list[bytes]) -> web.StreamResponse:
        asked.set()
        await answered.wait()
        return web.Response(status=204)

    state = State()
    async with serving(Scripted()) as scripted, Influx(Options(url=scripted.url)) as influx:
        writer = Writer(influx, state, lambda: now)
        await writer.write(b"y", 1)
        scripted.script = [late]
        writing = asyncio.create_task(writer.write(b"x", 1))
        await asked.wait()
        assert state.look(now) == state.look(now + 4.9) == ("ok", True)
        words, ok = state.look(now + 12)
        assert words == "no answer to a write for 12 s: look into the database's log, and at its disk"
        assert not ok
        answered.set()
        await writing
    assert state.look(now + 12) == ("ok", True)


async def test_a_server_that_closes_without_an_answer_is_an_outage() -> None:
    closed = asyncio.Semaphore(0)

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        closed.release()

    port = free_port()
    state = State()
    async with await asyncio.start_server(close, HOST, port), Influx(Options(url=f"http://{HOST}:{port}")) as influx:
        writing = asyncio.create_task(Writer(influx, state).write(b"x", 1))
        async with asyncio.timeout(20):
            for _ in range(3):
                await closed.acquire()
        assert not writing.done()
        assert state.text.startswith("waiting: ")
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


@pytest.mark.parametrize("lines", [1, 2, 100, 1_000])
async def test_bisection_finds_exactly_the_bad_lines(lines: int) -> None:
    def refuse(_: list[bytes], bad: list[bytes]) -> web.Response:
        return web.Response(status=422, text=message(f"partial write: {CONFLICT} dropped={min(1, len(bad))}"))

    async with serving(Scripted(bad=lambda line: line.endswith(b"7"), refuse=refuse)) as scripted:
        wanted = many(lines)
        refused, _ = await write(scripted, wanted)
    assert sorted(line.line for line in refused) == sorted(line for line in wanted if line.endswith(b"7"))
    assert sorted(scripted.taken) == sorted(line for line in wanted if not line.endswith(b"7"))
    assert all(CONFLICT in line.detail for line in refused)


@pytest.mark.parametrize("generation", [1, 2])
async def test_named_lines_cost_no_search(generation: int) -> None:
    def refuse(_: list[bytes], bad: list[bytes]) -> web.Response:
        named = "\n".join(f"unable to parse '{line.decode()}': bad" for line in bad)
        text = error(f"partial write: {named} dropped=0") if generation == 1 else message(named)
        return web.Response(status=400, text=text)

    scripted = Scripted(bad=lambda line: line.endswith(b"7"), refuse=refuse, keeps_good=generation == 1)
    async with serving(scripted):
        refused, _ = await write(scripted, many(1_000))
    assert len(refused) == 100
    assert sorted(scripted.taken) == sorted(line for line in many(1_000) if not line.endswith(b"7"))
    assert scripted.writes == generation


async def test_an_answer_larger_than_we_read_still_costs_no_good_line() -> None:
    """2.x names every bad line; of 30,000 long ones the answer is cut, and no longer JSON."""
    lines = [b"climate,device=%s x=%d %d" % (b"d" * 100, n, n) for n in range(20_000)]

    def refuse(_: list[bytes], bad: list[bytes]) -> web.Response:
        return web.Response(status=400, text=message("\n".join(f"unable to parse '{b.decode()}': bad" for b in bad)))

    async with serving(Scripted(bad=lambda line: not line.endswith(b"0"), refuse=refuse)) as scripted:
        refused, _ = await write(scripted, lines)
    assert {line.line for line in refused} == {line for line in lines if not line.endswith(b"0")}
    assert sorted(scripted.taken) == sorted(line for line in lines if line.endswith(b"0"))


async def test_too_large_is_halved() -> None:
    scripted = Scripted()

    async def write_small(lines: list[bytes]) -> web.StreamResponse:
        if len(lines) > 10:
            return web.Response(status=413)
        scripted.taken += lines
        return web.Response(status=204)

    scripted.script = [write_small] * 100
    async with serving(scripted):
        refused, _ = await write(scripted, many())
    assert refused == []
    assert sorted(scripted.taken) == sorted(many())


async def test_one_line_that_is_too_large_is_refused() -> None:
    async with serving(Scripted(script=[status(413)])) as scripted:
        refused, _ = await write(scripted, many(1))
    assert [line.line for line in refused] == many(1)


async def test_a_missing_database_is_made() -> None:
    async with serving(Scripted(script=[status(404)], databases=[])) as scripted:
        await write(scripted, many())
    assert scripted.databases == ["telemetry"]
    assert scripted.taken == many()


async def test_a_database_that_is_there_and_not_found_is_not_hammered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.drain.HALT_DELAY", 0.2)
    async with (
        serving(Scripted(script=[status(404)] * 10_000)) as scripted,
        Influx(Options(url=scripted.url)) as influx,
    ):
        state = State()
        writing = asyncio.create_task(Writer(influx, state).write(b"x", 1))
        await asyncio.sleep(0.5)
        assert scripted.writes <= 7
        assert state.halted
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def test_what_is_no_influxdb_is_named() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/query", page), web.get("/ping", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, HOST, port).start()
    async with Influx(Options(url=f"http://{HOST}:{port}")) as influx:
        with pytest.raises(DatabaseError, match=re.escape("is no InfluxDB: set influx.url")):
            await influx.connect()
        with pytest.raises(DatabaseError, match=re.escape("not as InfluxDB does: set influx.url")):
            await influx.query("SHOW DATABASES")
    await runner.cleanup()


async def test_an_absent_2x_is_an_error_that_can_be_waited_for() -> None:
    options = Options(url=f"http://{HOST}:{free_port()}", token=SecretStr("x"), timeout=1)
    async with Influx(options) as influx:
        influx.version = (2, 7)
        with pytest.raises(DatabaseError, match="is not there"):
            await influx.ensure_database()


UNPARSED = b"climate,device=a temperature_c= 1000"
OTHER_TYPE = b'climate,device=a temperature_c="warm" 1000'


@pytest.mark.parametrize(
    "bad",
    [
        [UNPARSED],
        [OTHER_TYPE],
        [OTHER_TYPE, UNPARSED],
        [UNPARSED, OTHER_TYPE],
        [b"climate,device= temperature_c=1 1000"],
        [b"not a line at all"],
        [b"climate,device=a temperature_c=1e400 1000"],
        [b"climate,device=it's temperature_c=': 1000", UNPARSED],
    ],
)
async def test_the_real_database_keeps_the_good_lines_and_only_they_are_kept(
    database: Database, bad: list[bytes]
) -> None:
    name = f"judge-{crc32(repr(bad).encode())}"
    good = 40
    lines = [b"climate,device=d%d temperature_c=%d %d" % (n, n, n + 1) for n in range(good)]
    body = [*lines[: good // 2], *bad, *lines[good // 2 :]]
    options = Options(
        url=database.url, database=name, token=SecretStr(database.token), organisation=database.organisation or "x"
    )
    async with Influx(options) as influx:
        await influx.connect()
        await influx.ensure_database()
        refused = await Writer(influx, State()).write(b"\n".join(body), len(body))
        (series,) = await influx.query("SELECT count(temperature_c) FROM climate")
    assert sorted(line.line for line in refused) == sorted(bad)
    assert series["values"][0][1] == good


async def test_a_field_of_another_type_costs_few_writes() -> None:
    """1.x tells which field it is, and not which lines: those with the field are set apart at once."""
    good, bad = many(10_000), [b"climate,device=\\ a,space=b x=1.0,y=2.0 %d" % n for n in range(20)]
    good = [line.replace(b" x=", b" z=") for line in good]

    def conflict(_: list[bytes], refused: list[bytes]) -> web.Response:
        return web.Response(status=400, text=error(f"partial write: {CONFLICT} dropped={len(refused)}"))

    known = set(bad)
    async with serving(Scripted(bad=lambda line: line in known, refuse=conflict, keeps_good=True)) as scripted:
        refused, _ = await write(scripted, [*good[:5_000], *bad, *good[5_000:]])
    assert [each.line for each in refused] == bad
    assert set(scripted.taken) == set(good)
    assert scripted.writes == 3
