"""Secrets and rights of the container stack, made once at its first start: nothing secret is in the repository.

`python -m ingest.stack secrets <folder> <estate>` runs before everything else, `… rights <folder> <url>` when InfluxDB
is up. Both leave alone what is there already, so every start runs them. Each container sees only its own folder:

    mosquitto/   passwords acl ca.crt server.crt server.key    ingest/      mqtt-password  influx-token
    influxdb/    admin-password  admin-token                   accounts/    <account>/password  (simulators, devices)
    authority/   ca.key  registry  revoked  lock
    grafana/     admin-password  secret-key  influx-authorization  ca.crt  server.crt  server.key
"""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from devices.errors import MendableError
from devices.model import Estate
from devices.registry import load
from devices.rollups import database_of
from ingest.security import layout, store
from ingest.security.accounts import accounts
from ingest.security.filing import write, write_new
from ingest.security.store import serve_tls

HOSTS: Final = ("localhost", "127.0.0.1", "mosquitto")
ORGANISATION: Final = "tolbooth"
ADMIN: Final = "influxdb/admin-token"
TIMEOUT: Final = 20.0
_PLAIN: Final = ("influxdb/admin-password", ADMIN, "grafana/admin-password", "grafana/secret-key")


class StackError(MendableError):
    """The stack cannot be set up; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Right:
    """A token that this module makes: where it is kept, and what it may do with which databases."""

    description: str
    file: str
    prefix: str
    databases: tuple[str, ...]
    actions: tuple[str, ...]


READINGS: Final = "telemetry"
ROLLUPS: Final = database_of(READINGS)
RIGHTS: Final = (
    Right("Tolbooth ingest", "ingest/influx-token", "", (READINGS, ROLLUPS), ("read", "write")),
    Right("Tolbooth boards", "grafana/influx-authorization", "Token ", (READINGS, ROLLUPS), ("read",)),
)


def make_secrets(folder: Path, estate: Estate, hosts: Sequence[str], now: int, *, registry: Path) -> list[Path]:
    """Make the passwords, keys and the first token that are missing; the broker's rules follow the estate.

    A device that left the estate loses its account. What another container reads is readable by its own user, whatever
    its number; the folders are volumes that only that container mounts.

    Args:
        hosts: further names and addresses of the broker, for its certificate.
        now: ns.
        registry: where the estate is.

    Returns:
        The files of secrets that were made.

    Raises:
        AccountError: the estate's names do not allow it.
    """
    at = layout.stack(folder)
    wanted = [*accounts(estate), *at.more]
    made = [folder / name for name in _PLAIN if write_new(folder / name, secrets.token_urlsafe(32), layout.ANYBODY)]
    serve_tls(at.broker, at.authority, (*HOSTS, *hosts), now, layout.ANYBODY)
    write(folder / "grafana/ca.crt", f"{_read(at.broker / 'ca.crt')}\n", layout.ALL)
    serve_tls(folder / "grafana", at.authority, (*HOSTS, *hosts), now, layout.ANYBODY)
    with store.held(at):
        write(at.state / "registry", f"{registry.resolve()}\n", layout.OWNER)
        return made + [at.password(name) for name in store.apply(at, wanted)]


async def grant_rights(folder: Path, url: str) -> list[Right]:
    """Make the databases and the tokens that are missing or no longer accepted, with the admin token of `folder`.

    Returns the tokens made. InfluxDB 2.9 keeps only hashes of tokens, so one that is lost is made anew.

    Raises:
        StackError: InfluxDB is away, or refuses the admin token.
    """
    admin = _read(folder / ADMIN)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    tokens = {right: secret_of(folder, right) for right in RIGHTS}
    async with aiohttp.ClientSession(url, timeout=timeout) as http:
        organisation = (await _call(http, admin, "GET", "/api/v2/orgs", params={"org": ORGANISATION}))["orgs"][0]["id"]
        buckets = {name: await _bucket(http, admin, organisation, name) for name in (READINGS, ROLLUPS)}
        made = []
        for right in RIGHTS:
            if not await _accepted(http, tokens[right]):
                token = await _grant(http, admin, organisation, buckets, right)
                write(folder / right.file, right.prefix + token, layout.ANYBODY)
                made.append(right)
        return made


def secret_of(folder: Path, right: Right) -> str:
    """The token of a right, empty where there is none yet."""
    return _read(folder / right.file).removeprefix(right.prefix)


async def _bucket(http: aiohttp.ClientSession, admin: str, organisation: str, name: str) -> str:
    found = await _call(http, admin, "GET", "/api/v2/buckets", params={"orgID": organisation, "name": name}, absent=404)
    for bucket in found.get("buckets", []):
        return str(bucket["id"])
    body = {"orgID": organisation, "name": name, "retentionRules": []}
    return str((await _call(http, admin, "POST", "/api/v2/buckets", json=body))["id"])


async def _grant(
    http: aiohttp.ClientSession, admin: str, organisation: str, buckets: dict[str, str], right: Right
) -> str:
    """A new token for a right, in place of any older one."""
    listed = await _call(http, admin, "GET", "/api/v2/authorizations", params={"orgID": organisation})
    for old in listed.get("authorizations", []):
        if old.get("description") == right.description:
            await _call(http, admin, "DELETE", f"/api/v2/authorizations/{old['id']}")
    permissions = [
        {"action": action, "resource": {"type": "buckets", "id": buckets[database], "orgID": organisation}}
        for database in right.databases
        for action in right.actions
    ]
    body = {"orgID": organisation, "description": right.description, "permissions": permissions}
    return str((await _call(http, admin, "POST", "/api/v2/authorizations", json=body))["token"])


async def _accepted(http: aiohttp.ClientSession, token: str) -> bool:
    """Whether the token still opens the database."""
    if not token:
        return False
    found = await _call(http, token, "GET", "/api/v2/buckets", params={"name": READINGS}, absent=401)
    return bool(found.get("buckets"))


async def _call(
    http: aiohttp.ClientSession, token: str, method: str, path: str, *, absent: int = 0, **arguments: Any
) -> dict[str, Any]:
    """The JSON that InfluxDB answers; nothing for the status `absent` and for an answer without a body."""
    headers = {"Authorization": f"Token {token}"}
    try:
        async with http.request(method, path, headers=headers, **arguments) as response:
            if response.status == absent or response.status == 204:
                return {}
            if response.status >= 400:
                raise StackError(f"{method} {path}: InfluxDB answered {response.status}: {await response.text()}")
            answer: dict[str, Any] = await response.json()
            return answer
    except (aiohttp.ClientError, TimeoutError) as error:
        raise StackError(f"InfluxDB does not answer: {error}; start it before granting rights") from error


def _read(path: Path) -> str:
    """The text of a secret, empty where there is none yet."""
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def main(arguments: list[str]) -> int:
    """The command of the stack's two init steps; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ingest.stack")
    steps = parser.add_subparsers(dest="step", required=True)
    make = steps.add_parser("secrets")
    make.add_argument("folder", type=Path)
    make.add_argument("estate", type=Path)
    make.add_argument("--host", action="append", default=[], help="name or address of the broker; empty counts as none")
    rights = steps.add_parser("rights")
    rights.add_argument("folder", type=Path)
    rights.add_argument("url")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.step == "secrets":
            hosts = [host for host in chosen.host if host]
            estate = load(chosen.estate)
            files = make_secrets(chosen.folder, estate, hosts, time.time_ns(), registry=chosen.estate)
            made = [str(path) for path in files]
        else:
            made = [right.description for right in asyncio.run(grant_rights(chosen.folder, chosen.url))]
    except (MendableError, OSError) as error:
        sys.stderr.write(f"tolbooth: {error}\n")
        return 1
    sys.stdout.write("".join(f"made {one}\n" for one in made) or "nothing to make\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
