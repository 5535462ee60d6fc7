"""Occupancy of spaces by half-hour: each from the readings in it, by InfluxDB itself."""

from typing import Final

from devices.rollups import HALF_HOUR, OCCUPANCY, SPACE_TAGS, key_over
from devices.schema import OCCUPANCY as READINGS
from ingest.influx import Influx
from ingest.rollup.points import line_of, tags_of, write

_KEYS: Final = [key_over(field, over) for field, over in OCCUPANCY]
_FIGURES: Final = ", ".join(f'{over}("{field.key}")' for field, over in OCCUPANCY)
_GROUPS: Final = ", ".join(f'"{tag}"' for tag in SPACE_TAGS)


async def recompute(influx: Influx, start: int, end: int) -> int:
    """Recompute the half-hours from `start` up to `end` (ns, on half-hours) that have readings; the points written.

    Raises:
        DatabaseError: the database did not answer, or refused.
    """
    if start >= end:
        return 0
    series = await influx.query(
        f'SELECT {_FIGURES} FROM "{READINGS}" WHERE time >= {start} AND time < {end} '  # noqa: S608 - our names
        f"GROUP BY time(30m), {_GROUPS} fill(none)"
    )
    lines = []
    for one in series:
        tags = tags_of(SPACE_TAGS, (one["tags"][tag] for tag in SPACE_TAGS))
        for time, *figures in one["values"]:
            known = {key: figure for key, figure in zip(_KEYS, figures, strict=True) if figure is not None}
            lines.append(line_of(HALF_HOUR, tags, known, time))
    return await write(influx, lines)
