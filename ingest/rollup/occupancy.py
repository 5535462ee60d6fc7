"""Occupancy of spaces by half-hour: readings in InfluxDB → roll-ups in InfluxDB."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from devices.localdays import Span
from devices.rollups import HALF_HOUR, OCCUPANCY, SPACE_TAGS, Over, key_over
from devices.schema import Field, Kind
from ingest.influx import Influx
from ingest.rollup.neighbours import Key, Series, around, changed
from ingest.rollup.points import line_of, tags_of, write
from ingest.rollup.presence import SILENCE, Presence, half_hours, plain_half_hours
from ingest.rollup.readings import Readings

SERIES: Final = Series((*SPACE_TAGS, "channel", "device"), "space", SILENCE)
_PART: Final = SPACE_TAGS.index("part")
_FIELDS: Final = tuple(dict.fromkeys(field for field, _ in OCCUPANCY))


async def recompute(influx: Influx, start: int, end: int, since: int = 0) -> int:
    """Recompute what readings from `start` up to `end` (ns, on half-hours) may have changed; the points written.

    Args:
        since: a half-hour; those before it stay as they are.

    Raises:
        DatabaseError: the database did not answer, or refused.
    """
    written = 0
    for field in _FIELDS:
        for (first, last), keys in (await changed(influx, field, SERIES, max(start, since), end)).items():
            found = await around(influx, field, SERIES, (first, last), keys)
            spaces = {_space(key) for key in keys}
            lines = await asyncio.to_thread(_rolled, found, spaces, field, (max(first, since), last))
            written += await write(influx, lines)
    return written


def _rolled(found: Mapping[Key, Readings], spaces: Iterable[Key], field: Field, span: Span) -> list[str]:
    """The lines of the half-hours of these spaces."""
    devices: dict[Key, list[Readings]] = defaultdict(list)
    for key, readings in found.items():
        devices[_space(key)].append(readings)
    return [
        line_of(HALF_HOUR, tags_of(SPACE_TAGS, space), _figures(field, presence), time)
        for space in spaces
        for time, presence in _half_hours(space, devices[space], field, span).items()
    ]


def _half_hours(space: Key, devices: Sequence[Readings], field: Field, span: Span) -> Mapping[int, Presence]:
    if space[_PART]:
        return plain_half_hours(devices, *span)
    return half_hours(devices, *span, united=field.kind is Kind.STATE)


def _space(key: Key) -> Key:
    return key[: len(SPACE_TAGS)]


def _figures(field: Field, presence: Presence) -> dict[str, float]:
    figure = {Over.MEAN: presence.mean, Over.MOST: presence.most, Over.READINGS: presence.readings}
    return {key_over(field, over): figure[over] for one, over in OCCUPANCY if one is field}
