"""The data sources of the boards: one for each database, since no InfluxQL query reaches two on InfluxDB 3."""

from enum import StrEnum
from typing import Any, Final

KIND: Final = "influxdb"
MIXED: Final = {"type": "datasource", "uid": "-- Mixed --"}
"""Grafana's own, of a panel whose targets ask several."""


class Source(StrEnum):
    """A data source, by its uid in Grafana."""

    READINGS = "tolbooth-telemetry"
    ROLLUPS = "tolbooth-rollups"


def reference(source: Source) -> dict[str, Any]:
    """How the JSON of a board names a data source."""
    return {"type": KIND, "uid": source.value}
