"""Users of InfluxDB 1.x: an administrator, one that ingests, one that reads; each with no more than it needs.

A council that shares a server with another has databases and users of its own: their names begin with its database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from devices.errors import MendableError
from devices.rollups import database_of

ADMIN: Final = "admin"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=20)


class GrantError(MendableError):
    """The users cannot be made; the text says what to do."""


@dataclass(frozen=True, slots=True)
class User:
    """A user of the database."""

    name: str
    role: str
    """whose password it is in the security folder"""
    privilege: str
    """on the databases of its council"""


def ingesting_user(database: str) -> str:
    """The user that writes the readings of this database, and reads them for its roll-ups."""
    return f"{database}-ingest"


def reading_user(database: str) -> str:
    """The user of this database's dashboards."""
    return f"{database}-grafana"


def users(database: str) -> tuple[User, ...]:
    """The users of the council whose readings are in `database`."""
    return User(ingesting_user(database), "ingest", "ALL"), User(reading_user(database), "grafana", "READ")


async def grant(url: str, database: str, passwords: Mapping[str, str]) -> list[str]:
    """Make the databases and users that are missing, and set the passwords that differ.

    The server must ask for passwords (`auth-enabled`), else its users protect nothing.

    Args:
        passwords: of `admin` and of the role of every user.

    Returns:
        The users that were made or changed.

    Raises:
        GrantError: the server is away, asks for no passwords, or has an administrator of another password.
    """
    try:
        async with aiohttp.ClientSession(url, timeout=_TIMEOUT) as http:
            return await _grant(http, database, passwords)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise GrantError(
            f"{url} does not answer ({type(error).__name__}): start InfluxDB, or mend the address"
        ) from error


async def _grant(http: aiohttp.ClientSession, database: str, passwords: Mapping[str, str]) -> list[str]:
    await _administrator(http, passwords[ADMIN])
    admin = _login(ADMIN, passwords[ADMIN])
    databases = (database, database_of(database))
    for name in databases:
        await _query(http, admin, f'CREATE DATABASE "{name}"')
    known = {row[0] for row in await _query(http, admin, "SHOW USERS")}
    changed = []
    for user in users(database):
        secret = passwords[user.role]
        if user.name not in known:
            await _query(http, admin, f"CREATE USER \"{user.name}\" WITH PASSWORD '{secret}'")
            changed.append(user.name)
        elif not await _accepted(http, _login(user.name, secret)):
            await _query(http, admin, f"SET PASSWORD FOR \"{user.name}\" = '{secret}'")
            changed.append(user.name)
        for name in databases:
            await _query(http, admin, f'GRANT {user.privilege} ON "{name}" TO "{user.name}"')
    return changed


async def _administrator(http: aiohttp.ClientSession, secret: str) -> None:
    """Make the first user, whom a server without users takes from anybody."""
    if await _accepted(http, _login(ADMIN, secret)):
        if await _accepted(http, {}):
            raise GrantError("InfluxDB asks for no passwords: set auth-enabled = true in its [http] section")
        return
    statement = f"CREATE USER \"{ADMIN}\" WITH PASSWORD '{secret}' WITH ALL PRIVILEGES"
    async with http.post("/query", data={"q": statement}) as answer:
        if answer.status == 401:
            raise GrantError(
                f"InfluxDB has an administrator whose password is not in `database/{ADMIN}`: put it there, then again"
            )
        if answer.status != 200 or "error" in (await answer.json())["results"][0]:
            raise GrantError(f"InfluxDB answered {answer.status} to making its administrator: is it a 1.x?")
    await _administrator(http, secret)


async def _accepted(http: aiohttp.ClientSession, who: Mapping[str, str]) -> bool:
    async with http.post("/query", data={"q": "SHOW DATABASES"}, headers=who) as answer:
        return answer.status == 200


async def _query(http: aiohttp.ClientSession, who: Mapping[str, str], statement: str) -> list[list[Any]]:
    """The rows of the first series; statements go in the body, since an address may be logged."""
    async with http.post("/query", data={"q": statement}, headers=who) as answer:
        body = await answer.json()
        result = body["results"][0] if "results" in body else body
        if "error" in result:
            what = " ".join(statement.split()[:2])
            raise GrantError(f"InfluxDB refused {what}: {result['error']}")
        rows: list[list[Any]] = result.get("series", [{}])[0].get("values", [])
        return rows


def _login(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(name, secret)}
