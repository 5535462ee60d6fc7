"""Times: integer nanoseconds inside; RFC 3339 and epoch milliseconds on the wire, both ways, without rounding."""

import re
from datetime import UTC, datetime

SECOND = 1_000_000_000
FOREVER = 2**63 - 1
"""The end of an assignment that has no end."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_parse = datetime.fromisoformat
_FRACTION = re.compile(r"[.,]([0-9]{7,})")
_SECONDS_END = 10**11
_MILLIS_END = 10**14
_MICROS_END = 10**17


def from_rfc3339(text: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 time (ISO 8601's other spellings are read too, if they name a zone).

    `datetime` drops what is finer than a microsecond; the seventh to ninth digit are added here, further ones dropped.

    Raises:
        ValueError: it is no such time, or has no zone; the text says which and is safe to show beside the value.
    """
    try:
        moment = _parse(text)
    except ValueError:
        moment = _from_lower_case(text)
    if moment.tzinfo is None:
        raise ValueError("time has no zone: add Z or an offset")
    since = moment - _EPOCH
    ns = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
    if len(text) > 27 and (fraction := _FRACTION.search(text)):
        ns += int(fraction[1][6:9].ljust(3, "0"))
    return ns


def _from_lower_case(text: str) -> datetime:
    """RFC 3339 section 5.6 lets T and Z be lower case."""
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("time is not RFC 3339: write it as 2026-11-23T10:15:00Z") from None


def scaled(value: float, per: int) -> int:
    """Nanoseconds of `value` units of `per` ns each; of a fraction to the microsecond, since floats hold no finer."""
    whole = int(value)
    return whole * per + (round((value - whole) * per / 1_000) * 1_000 if value != whole else 0)


def from_epoch_ms(value: float) -> int:
    """Nanoseconds since 1970 of epoch milliseconds. A fraction is kept to the microsecond.

    Raises:
        ValueError: the number is too small or too large for milliseconds, and what it looks like instead.
    """
    if not 0 <= value < _MICROS_END * 1_000:
        raise ValueError("time is not epoch milliseconds")
    if value < _SECONDS_END:
        raise ValueError("time looks like epoch seconds or a clock that was never set: send milliseconds")
    if value >= _MICROS_END:
        raise ValueError("time looks like epoch nanoseconds: send milliseconds")
    if value >= _MILLIS_END:
        raise ValueError("time looks like epoch microseconds: send milliseconds")
    return scaled(value, 1_000_000)


def to_rfc3339(ns: int) -> str:
    """RFC 3339, UTC with Z: three digits of a second, or six or nine where `ns` needs them."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").zfill(19)
    if fraction % 1_000_000 == 0:
        return f"{stamp}.{fraction // 1_000_000:03d}Z"
    if fraction % 1_000 == 0:
        return f"{stamp}.{fraction // 1_000:06d}Z"
    return f"{stamp}.{fraction:09d}Z"
