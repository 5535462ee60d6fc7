"""Users of the real InfluxDB 1.x: each may do its work and no more, and a council sees nothing of another."""

import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import pytest_asyncio

from devices.rollups import database_of
from ingest.influx import Halt, Influx, Stored
from ingest.security.databases import GrantError, grant, ingesting_user, reading_user
from ingest.security.passwords import new_password
from ingest.servers import Database, influxdb
from ingest.settings import Influx as Options
from tests.conftest import StartDatabase

LINE: Final = b"climate,building=%s temperature_c=20.5 %d"
START: Final = 1_790_000_000_000_000_000
COUNCILS: Final = ("moray", "angus")
ROLES: Final = ("ingest", "grafana")


def passwords() -> dict[str, str]:
    return {role: new_password() for role in ("admin", *ROLES)}


@pytest_asyncio.fixture
async def protected(tmp_path: Path) -> AsyncIterator[Database]:
    async with influxdb(tmp_path / "influxdb", protected=True) as running:
        assert running.generation == 1
        yield running


async def ask(database: Database, who: tuple[str, str], statement: str, name: str = "") -> tuple[int, str]:
    """Status and text of the answer to a statement."""
    headers, parameters = {"Authorization": aiohttp.encode_basic_auth(*who)}, {"q": statement, "db": name}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{database.url}/query", params=parameters) as answer,
    ):
        return answer.status, await answer.text()


def connection(database: Database, who: tuple[str, str], name: str) -> Influx:
    return Influx(Options(url=database.url, database=name, username=who[0], password=who[1]))


async def test_each_credential_does_its_work_and_is_refused_elsewhere(protected: Database) -> None:
    known, other = passwords(), passwords()
    assert await grant(protected.url, "moray", known) == ["moray-ingest", "moray-grafana"]
    await grant(protected.url, "angus", other | {"admin": known["admin"]})
    writer, reader = (ingesting_user("moray"), known["ingest"]), (reading_user("moray"), known["grafana"])
    line = LINE % (b"hall", START)

    async def writes(who: tuple[str, str], name: str) -> bool:
        async with connection(protected, who, name) as influx:
            answer = await influx.write(line, 1)
            assert isinstance(answer, Stored | Halt)
            return isinstance(answer, Stored)

    names = ("moray", database_of("moray"), "angus", database_of("angus"))
    assert [await writes(writer, name) for name in names] == [
        *(True, True),
        *(False, False),
    ]
    assert not any([await writes(reader, name) for name in names])
    assert not await writes((writer[0], "wrong"), "moray")
    assert not await writes(("", ""), "moray")
    for who in (writer, reader):
        for name in names[:2]:
            assert "20.5" in (await ask(protected, who, "SELECT * FROM climate", name))[1]
        for name in names[2:]:
            assert (await ask(protected, who, "SELECT * FROM climate", name))[0] == 403
    for who in (writer, reader):
        for statement in ("CREATE DATABASE x", "DROP DATABASE moray", "SHOW USERS", "DROP MEASUREMENT climate"):
            assert (await ask(protected, who, statement, "moray"))[0] == 403, statement
    async with connection(protected, writer, "moray") as influx:
        await influx.ensure_database()
        await influx.ensure_database(database_of("moray"))
    assert await grant(protected.url, "moray", known) == []


async def test_a_new_password_takes_the_place_of_the_old(protected: Database) -> None:
    known = passwords()
    await grant(protected.url, "moray", known)
    new = known | {"grafana": new_password()}
    assert await grant(protected.url, "moray", new) == ["moray-grafana"]
    assert (await ask(protected, ("moray-grafana", known["grafana"]), "SHOW DATABASES"))[0] == 401
    assert (await ask(protected, ("moray-grafana", new["grafana"]), "SHOW DATABASES"))[0] == 200


async def test_what_stands_in_the_way_is_said(protected: Database, start_database: StartDatabase) -> None:
    await grant(protected.url, "moray", passwords())
    with pytest.raises(GrantError, match="has an administrator whose password is not in"):
        await grant(protected.url, "moray", passwords())
    with pytest.raises(GrantError, match="does not answer"):
        await grant("http://127.0.0.1:1", "moray", passwords())
    with pytest.raises(GrantError, match="auth-enabled = true"):
        await grant((await start_database()).url, "moray", passwords())


def statements(own: str, others: str, seed: int) -> Iterator[tuple[str, str]]:
    """Database and statement of 1,000 random queries that try for what another council has."""
    draw = random.Random(seed)
    for _ in range(1_000):
        policy = draw.choice((f'"{others}"."autogen".', f'"{others}"..', ""))
        source = policy + draw.choice(("climate", "/.*/", "/cli.*/"))
        since = f"time > {START - draw.randrange(10**15)}"
        limit = f"LIMIT {draw.randrange(1, 50)}"
        yield (
            draw.choice((own, others, database_of(others), "")),
            draw.choice(
                (
                    f"SELECT * FROM {source} WHERE {since} {limit}",
                    f"SELECT max(v) FROM (SELECT temperature_c AS v FROM {source} WHERE {since}) GROUP BY building",
                    f"SELECT count(temperature_c) FROM {source} GROUP BY * {limit}",
                    f'SELECT * INTO "{own}"."autogen"."stolen" FROM {source} GROUP BY *',
                    f"SHOW SERIES ON {others} {limit}",
                    f"SHOW TAG VALUES ON {others} WITH KEY = building",
                    f"SHOW MEASUREMENTS ON {others}",
                    f'SELECT * FROM climate, "{others}"."autogen"."climate" WHERE {since}',
                    f"SHOW FIELD KEYS ON {others}; SELECT last(*) FROM {source}",
                )
            ),
        )


async def test_a_council_sees_no_point_of_another_in_1000_random_queries(protected: Database) -> None:
    known = {name: passwords() for name in COUNCILS}
    admin = known["moray"]["admin"]
    for name in COUNCILS:
        known[name]["admin"] = admin
        await grant(protected.url, name, known[name])
        lines = b"\n".join(LINE % (f"secret-{name}".encode(), START + number) for number in range(50))
        async with connection(protected, (ingesting_user(name), known[name]["ingest"]), name) as influx:
            for each in (name, database_of(name)):
                assert await influx.write(lines, 50, database=each) == Stored()
    marker = "secret-angus"
    seen = own = possible = 0
    people = [(f"moray-{role}", known["moray"][role]) for role in ROLES]
    for number, (name, statement) in enumerate(statements("moray", "angus", 7)):
        _, text = await ask(protected, people[number % 2], statement, name)
        seen += marker in text
        own += "secret-moray" in text
        if number % 20 == 0 and " INTO " not in statement:  # as the administrator it would really copy
            possible += marker in (await ask(protected, ("admin", admin), statement, name))[1]
    assert seen == 0
    assert own > 20
    assert possible > 10
    assert marker not in (await ask(protected, people[0], "SELECT * FROM stolen", "moray"))[1]
