"""What the processes of a demo connect with: each gets no more than it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest import stack
from ingest.security import databases, store
from ingest.security.accounts import INGEST
from ingest.servers import Database


@dataclass(frozen=True, slots=True)
class Access:
    """Settings of the table `influx`: name → value."""

    ingest: Mapping[str, str] = field(repr=False)
    boards: Mapping[str, str] = field(repr=False)
    reader: str
    """user of 1.x who reads; empty on 2.x"""


async def arrange(security: Path, database: Database, name: str) -> Access:
    """Make the users or tokens of the database `name` that are missing, and say which process gets which.

    Raises:
        GrantError, StackError: the database refuses.
    """
    if database.generation == 1:
        await databases.grant(database.url, name, store.database_passwords(security))
        reader = databases.reading_user(name)
        return Access(
            {"username": databases.ingesting_user(name), "password": store.database_password(security, INGEST)},
            {"username": reader, "password": store.database_password(security, "grafana")},
            reader,
        )
    tokens = security / "tokens"
    store.put(tokens / stack.ADMIN, database.token)
    await stack.grant_rights(tokens, database.url)
    ingest, boards = (stack.secret_of(tokens, right) for right in stack.RIGHTS)
    organisation = {"organisation": database.organisation}
    return Access({"token": ingest, **organisation}, {"token": boards, **organisation}, "")
