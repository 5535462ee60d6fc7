"""The queries of docs/queries.md run against the real InfluxDB, and each has an answer."""

import re
from datetime import datetime, timedelta
from pathlib import Path

from dashboards.preview.influx import Connection, Influx
from dashboards.sources import Source
from devices import rollups
from ingest.servers import Database
from tests.dashboards.database import fill
from tests.dashboards.readings import LONDON, lines

QUERIES = re.findall(
    r"```influxql\n(.*?)```", (Path(__file__).parents[2] / "docs/queries.md").read_text(encoding="utf-8"), re.DOTALL
)

ROLLED = re.compile(rf'FROM "({rollups.HALF_HOUR}|{rollups.DAY}|{rollups.MONTH})"')
"""What the page says goes to the database of roll-ups."""


async def test_each_of_the_ten_queries_has_an_answer(database: Database) -> None:
    assert len(QUERIES) == 10
    connection = Connection(database.url, "analysts")
    now = datetime.now(LONDON)
    await fill(connection, lines((now - timedelta(days=8)).replace(minute=0, second=0, microsecond=0), now))
    async with Influx(connection) as influx:
        for query in QUERIES:
            source = Source.ROLLUPS if ROLLED.search(query) else Source.READINGS
            answer = await influx.query(" ".join(query.split()), source)
            rows = sum(len(series.rows) for series in answer)
            assert rows, query
