"""Messages and what is read of them: the types that every format, and all that stores or shows its readings, speaks.

Time is integer nanoseconds since 1970, UTC, everywhere inside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple, Protocol

from devices.schema import Field


class Message(NamedTuple):
    """One MQTT application message as it arrived."""

    topic: str
    payload: bytes
    received: int
    """time of arrival, ns"""
    retained: bool = False
    """the RETAIN flag: the broker held it, so its age is unknown"""


class TimeSource(StrEnum):
    """Who said when a value was measured."""

    DEVICE = "device"
    NETWORK = "network"
    GATEWAY = "gateway"
    ARRIVAL = "arrival"


class Fate(StrEnum):
    """What becomes of a message; each has exactly one."""

    STORED = "stored"
    JOURNALLED = "journalled"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why a message, or one value of it, was not stored."""

    # kept in quarantine: somebody has to mend something
    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_DEVICE = "unknown_device"
    BAD_TOPIC = "bad_topic"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNKNOWN_FIELD = "unknown_field"
    WRONG_TYPE = "wrong_type"
    WRONG_UNIT = "wrong_unit"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    BAD_TIME = "bad_time"
    TIME_OUT_OF_WINDOW = "time_out_of_window"
    DEVICE_ERROR = "device_error"
    NOT_ASSIGNED = "not_assigned"
    NO_DESCRIPTION = "no_description"
    DATABASE_REFUSED = "database_refused"
    RATE_LIMITED = "rate_limited"
    # refused: understood, and rightly not a reading; counted, not kept
    EMPTY_PAYLOAD = "empty_payload"
    """of a retained message that is cleared; whether the broker had kept one, it does not tell"""
    RETAINED = "retained"
    DESCRIPTION = "description"
    PRESENCE = "presence"
    COMMAND = "command"
    UNCHANGED = "unchanged"
    NO_VALUE = "no_value"
    OTHER_ROUTE = "other_route"
    PRIVATE = "private"


REFUSED = frozenset(
    {
        Reason.EMPTY_PAYLOAD,
        Reason.RETAINED,
        Reason.DESCRIPTION,
        Reason.PRESENCE,
        Reason.COMMAND,
        Reason.UNCHANGED,
        Reason.NO_VALUE,
        Reason.OTHER_ROUTE,
        Reason.PRIVATE,
    }
)
"""Reasons that are no fault: the message was understood and holds no new reading."""

MEND: Mapping[Reason, str] = {
    Reason.UNKNOWN_TOPIC: "no format claims this topic: add its source to council.yaml, or narrow the subscription",
    Reason.UNKNOWN_DEVICE: "add the device to the registry, then replay the quarantine",
    Reason.BAD_TOPIC: "publish to <root>/<council>/<building>/<device>/readings with levels of a-z, 0-9 and -",
    Reason.TOO_LARGE: "send fewer readings in a message, or raise max_payload_bytes",
    Reason.MALFORMED: "send what the format prescribes; the detail names the place",
    Reason.UNKNOWN_FIELD: "use a name of the schema (docs/schema.md), or map it in the device's model",
    Reason.WRONG_TYPE: "send a number, or true or false for a state",
    Reason.WRONG_UNIT: "send the unit of the schema, or describe the unit in the format's own way",
    Reason.NOT_FINITE: "NaN and infinity are no values: leave the key out when the sensor has none",
    Reason.OUT_OF_RANGE: "the value is outside what is physically plausible: check sensor, unit and scale",
    Reason.BAD_TIME: "send time as RFC 3339 with a zone, or as epoch milliseconds",
    Reason.TIME_OUT_OF_WINDOW: "set the device's clock, or widen the accepted window for a backfill",
    Reason.DEVICE_ERROR: "the device says that its sensor failed: mend or replace it",
    Reason.NOT_ASSIGNED: "the device has no place at the time of the reading: date its assignment in the registry",
    Reason.NO_DESCRIPTION: "the gateway has not described the device yet: restart it, or wait for its next description",
    Reason.RATE_LIMITED: "it sends more than limits.messages_per_second: slow it down, then replay the quarantine",
    Reason.DATABASE_REFUSED: "the database refused the line; the detail is its answer",
}


class Reading(NamedTuple):
    """One value in the schema's unit."""

    field: Field
    value: float
    channel: str = ""
    """tells two sensors of one quantity in one device apart (`l1`, `left`); empty where there is one"""


reading_of: Final[Callable[[tuple[Field, float, str]], Reading]] = partial(tuple.__new__, Reading)
"""A reading of (field, value, channel), in C all the way: for the places that every value passes."""


class Reject(NamedTuple):
    """One value, or the whole message, that is not stored."""

    reason: Reason
    detail: str
    """what was found where; safe to print"""


NO_PAYLOAD: Final = Reject(Reason.EMPTY_PAYLOAD, "no payload")
"""Of a message without a body."""


@dataclass(slots=True)
class Sample:
    """Values of one device at one time."""

    readings: list[Reading]
    time: int | None = None
    """ns; None where nobody but the receiver knows the time"""
    time_source: TimeSource = TimeSource.ARRIVAL
    address: str = ""
    """the device's address where one message speaks of several; empty means the message's own"""


@dataclass(slots=True)
class Decoded:
    """What a format makes of one message. No I/O has happened and nothing was validated yet."""

    address: str = ""
    """the device's address within the source; empty where the message is about no single device"""
    samples: list[Sample] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    presence: bool | None = None
    """the device (or with an empty address: the whole source) says that it is online or offline"""
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    """topic and payload of what the source would like to be sent to a gateway; ingest does within bounds"""


class Source(Protocol):
    """One place where messages of one format come from: a gateway, a bridge, an application, a topic root.

    A source may remember what earlier messages said (descriptions, births, caches); `state` and `restore` carry that
    over a restart. It never does I/O and never reads a clock.
    """

    filters: tuple[str, ...]
    """MQTT topic filters to subscribe to; commands are not among them"""

    def claims(self, topic: str) -> bool:
        """Whether a message on `topic` belongs to this source."""

    def describes(self, topic: str) -> bool:
        """Whether messages on `topic` describe devices, and so may be as large as MQTT allows."""

    def decode(self, message: Message) -> Decoded:
        """Read one message. Never raises for what came from outside: a fault is a `Reject`."""

    def state(self) -> dict[str, bytes]:
        """What changed since the last call and must survive a restart; values are opaque, empty forgets the key."""

    def restore(self, state: Mapping[str, bytes]) -> None:
        """Take back all that `state` ever returned, last value for each key."""


MakeSource = Callable[["SourceConfig"], Source]


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """A source as the registry lists it."""

    id: str
    council: str
    format: str
    topic: str
    """base topic, without a trailing slash"""
    building: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    """address → model, as the registry knows them; filled in when the source is made"""
    reads: Mapping[str, object] = field(default_factory=dict)
    """what its keys mean, in the words of a model file; for formats that fix no keys"""
