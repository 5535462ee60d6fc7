"""Tables that the simulators need; sources and licences are in the README beside them."""

import csv
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from simulators.weather import LATITUDE, Climate


def _rows(name: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(files(__name__).joinpath(name).read_text(encoding="utf-8").splitlines())


@cache
def climate(station: str) -> Climate:
    """The monthly means of a climate station.

    Raises:
        LookupError: there is no such station.
    """
    rows = [row for row in _rows("climate_monthly.csv") if row["station"] == station]
    if len(rows) != 12 or station not in LATITUDE:
        raise LookupError(f"unknown climate station {station!r}: known are {', '.join(sorted(LATITUDE))}")
    rows.sort(key=lambda row: int(row["month"]))
    return Climate(
        station=station,
        latitude=LATITUDE[station],
        mean_c=tuple(float(row["tmean_c"]) for row in rows),
        swing_c=tuple(float(row["tmax_c"]) - float(row["tmin_c"]) for row in rows),
    )


@cache
def zigbee2mqtt_definitions() -> dict[str, dict[str, Any]]:
    """`Vendor Model` → type, power source and definition, as Zigbee2MQTT's bridge/devices has them."""
    text = files(__name__).joinpath("zigbee2mqtt_definitions.json").read_text(encoding="utf-8")
    definitions: dict[str, dict[str, Any]] = json.loads(text)
    return definitions
