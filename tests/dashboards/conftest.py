"""What the tests of the boards share."""

import pytest

from dashboards.preview.influx import Connection
from ingest.servers import Database


@pytest.fixture
def days(database: Database) -> Connection:
    """Databases that each test fills anew."""
    return Connection(database.url, "boards_days")
