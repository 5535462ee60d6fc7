"""Gathers the readings of one message: numbers and states that a format has found, in the unit that it read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from devices.message import Decoded, Message, Reading, Reason, Reject, Sample, TimeSource, reading_of
from devices.payload import is_missing, number, state
from devices.schema import BY_NAME, Field
from devices.text import printable, show
from devices.units import convert

MAX_REJECTS: Final = 32
"""Rejects kept of one message; more of them tell nobody anything."""
ABSENT: Final = frozenset(
    {-1.0, 127.0, 128.0, 255.0, 999.0, 999.9, 9999.0, 32767.0, 32768.0, 65535.0}
    | {-127.0, -275.15, -327.68, 327.67, 327.68, 655.35, 3276.7, 6553.5, 65.535, -999.0, -9999.0}
)
"""Numbers by which sensors say that they have no value. They count only where the schema has no room for them."""


@dataclass(slots=True)
class Gathering:
    """Readings of one device at one time, and what was rejected on the way."""

    readings: list[Reading] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    def number(self, name: str, value: object, where: str, unit: str = "", channel: str = "") -> None:
        """Add `value`, given in `unit` (empty: the schema's), as the field `name`; a fault becomes a reject."""
        row = BY_NAME[name]
        if (type(value) is float or type(value) is int) and unit in ("", row.unit) and row.low <= value <= row.high:
            self.readings.append(reading_of((row, value + 0.0, channel)))
            return
        if type(value) is not float and is_missing(value):
            self.reject(Reason.NO_VALUE, f"{where} is {show(value)}")
            return
        found = number(value)
        if found is None:
            self.reject(Reason.WRONG_TYPE, f"{where}: expected a number, found {show(value)}")
            return
        try:
            converted = found if unit in ("", row.unit) else to_schema(found, unit, row)
        except LookupError:
            self.reject(Reason.WRONG_UNIT, f"{where}: {unit} is no unit of {name}")
            return
        except ZeroDivisionError:
            self.reject(Reason.OUT_OF_RANGE, f"{where} is {show(value)} {unit}")
            return
        if _says_absent(row, found, converted):
            self.reject(Reason.NO_VALUE, f"{where} is {show(value)}, which stands for no value")
            return
        self.readings.append(Reading(row, converted, channel))

    def state(
        self, name: str, value: object, where: str, channel: str = "", words: Mapping[str, float] | None = None
    ) -> None:
        """Add `value` as the state `name`; `words` are the device's own words, in lower case."""
        if is_missing(value):
            self.reject(Reason.NO_VALUE, f"{where} is {show(value)}")
            return
        found = words.get(value.strip().lower()) if words and isinstance(value, str) else None
        if found is None:
            found = state(value)
        if found is None:
            self.reject(Reason.WRONG_TYPE, f"{where}: expected on or off, found {show(value)}")
        else:
            self.readings.append(Reading(BY_NAME[name], found, channel))

    def reject(self, reason: Reason, detail: str) -> None:
        """Note a value that is not stored; `detail` may hold text from outside."""
        if len(self.rejects) < MAX_REJECTS:
            self.rejects.append(Reject(reason, printable(detail)))

    def sample(
        self,
        message: Message,
        time: int | None = None,
        time_source: TimeSource = TimeSource.DEVICE,
        address: str = "",
    ) -> list[Sample]:
        """The readings as a sample of `time`; none where there are none, or where `message` is retained and timeless.

        A message that holds nothing at all gets a reject that says so.
        """
        if not self.readings:
            if not self.rejects:
                self.reject(Reason.NO_VALUE, "holds no value that is stored")
            return []
        if time is None:
            if message.retained:
                self.reject(Reason.RETAINED, "retained and without a time: its age is unknown")
                return []
            return [Sample(self.readings, address=address)]
        return [Sample(self.readings, time, time_source, address)]


def to_schema(value: float, unit: str, row: Field) -> float:
    """`value` in the schema's unit of `row`. Colour temperatures also come in mired, which are their reciprocals.

    Raises:
        LookupError: `unit` is unknown, or measures something else.
        ZeroDivisionError: 0 mired.
    """
    if unit == "mired" and row.unit == "K":
        return 1_000_000 / value
    return convert(value, unit, row.unit)


def measures(unit: str, row: Field) -> bool:
    """Whether values in `unit` can be stored as `row`."""
    try:
        to_schema(1.0, unit, row)
    except LookupError:
        return False
    return True


def refused(address: str, reason: Reason, detail: str, presence: bool | None = None) -> Decoded:
    """A message of which nothing is stored."""
    return Decoded(address, rejects=[Reject(reason, printable(detail))], presence=presence)


def told_presence(address: str, payload: bytes, words: Mapping[bytes, bool]) -> Decoded:
    """A message that says whether a device is online."""
    presence = words.get(payload[:64].strip())
    if presence is not None:
        return refused(address, Reason.PRESENCE, "online" if presence else "offline", presence)
    if not payload:
        return refused(address, Reason.EMPTY_PAYLOAD, "no payload")
    expected = " or ".join(word.decode() for word in words)
    return refused(address, Reason.MALFORMED, f"expected {expected}, found {payload[:60].decode(errors='replace')!r}")


def _says_absent(row: Field, found: float, converted: float) -> bool:
    if row.low <= converted <= row.high:
        return False
    return round(found, 3) in ABSENT or round(converted, 3) in ABSENT
