"""What may stand in an estate's files: one pydantic model for each file and each item of its lists.

Strict for YAML, which has types of its own; a CSV cell is text and is validated with `strict=False`.
"""

from typing import Annotated, Final, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from devices import modelfile
from devices.clock import TimeUnit
from devices.estate.values import Absences, Clock, Day, Days, DaysBetween, Id, Instant, Interval, Text, Topic, Uprn
from devices.model import DeviceKind, Utility
from devices.schema import BY_NAME, WRITTEN_BY_INGEST

NATIVE: Final = "native"
"""Id and format of the source that each council has without naming it: its own topic tree."""

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Kind = Annotated[DeviceKind, Field(strict=False)]
_Utility = Annotated[Utility, Field(strict=False)]


TimeKey = Annotated[
    modelfile.Clock,
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"key": {"type": "string"}, "unit": {"enum": list(get_args(TimeUnit))}},
            "required": ["key"],
            "additionalProperties": False,
        }
    ),
]
RuleItem = Annotated[
    modelfile.Rule,
    BeforeValidator(modelfile.short_rule),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": sorted(BY_NAME.keys() - WRITTEN_BY_INGEST)},
                {
                    "type": "object",
                    "properties": {name: {} for name in modelfile.Rule.model_fields},
                    "required": ["field"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class Shape(BaseModel):
    """What all files and items share: no unknown keys, no silent conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SourceItem(Shape):
    """A source of `council.yaml`."""

    id: Id
    format: Text = Field(description="name of a format of devices/formats")
    topic: Topic | None = Field(None, description="base topic, without a trailing slash; default: the format's own")
    building: Id | None = Field(None, description="the building that a gateway serves")
    options: dict[Text, Text] = Field(default_factory=dict, description="options of the format")
    time: TimeKey | None = Field(None, description="format json: where the sender writes its own time")
    fields: dict[Text, RuleItem] = Field(default_factory=dict, description="format json: what each key means")
    ignore: list[Text] = Field(default_factory=list, description="format json: keys that are known and not stored")
    errors: list[Text] = Field(
        default_factory=list, description="format json: keys that are set when a sensor has failed"
    )

    def reads(self) -> dict[str, object]:
        """What the source says of its keys, which only the format json may; empty where it says nothing."""
        said = {"time": self.time, "fields": self.fields, "ignore": self.ignore, "errors": self.errors}
        return {key: value for key, value in said.items() if value}


class PrivacyItem(Shape):
    """`privacy` of `council.yaml`: what occupancy may tell of people."""

    desk_sensors: bool = Field(default=False, description="whether occupancy may be measured desk by desk")
    smallest_space: int = Field(
        0, ge=0, le=100, description="spaces meant for fewer people are stored together, without their names; 0: none"
    )


class SchoolYearItem(Shape):
    """A school year of `council.yaml`, as it was published."""

    first: Day = Field(description="the pupils' first day")
    last: Day = Field(description="and their last")
    breaks: list[DaysBetween] = Field(default_factory=list, description="days without pupils; the last is included")
    in_service: list[Day] = Field(default_factory=list, description="days with teachers, without pupils")


class CalendarItem(Shape):
    """What differs from the rules in `devices/data/calendars.yaml`, in `council.yaml`."""

    like: Text | None = Field(None, description="GSS code of the council whose rules hold; default: its own")
    closed: list[Day] = Field(default_factory=list, description="more days on which its buildings are closed")
    open: list[Day] = Field(default_factory=list, description="days of the rules on which they are open")
    school_years: list[SchoolYearItem] = Field(default_factory=list, description="instead of those of the rules")


class CouncilFile(Shape):
    """`council.yaml`"""

    id: Id = Field(description="first level of its topics")
    name: Text
    gss: Text | None = Field(None, description="GSS code; none for an invented council")
    invented: bool = Field(default=False, description="a council that does not exist, as in simulations")
    climate_station: Text | None = Field(None, description="default: the station that suits the council")
    privacy: PrivacyItem = Field(default_factory=PrivacyItem)
    calendar: CalendarItem | None = Field(None, description="holidays and school terms that differ from the rules")
    sources: list[SourceItem] = Field(default_factory=list, description="where messages come from, beside `native`")


class HoursItem(Shape):
    """One opening of `buildings/<id>.yaml`, in local time."""

    days: Days
    start: Clock = Field(alias="from")
    end: Clock = Field(alias="to", description="00:00 is midnight at the end of the day")


class SpaceItem(Shape):
    """A space of a building."""

    id: Id
    name: Text
    level: Id
    use: Text = Field(description="classroom, office, corridor, pool hall …")
    area_m2: _Positive
    capacity: int = Field(0, ge=0, description="people that it is meant for")


class SpaceRow(SpaceItem):
    """A row of `spaces.csv`."""

    building: Id


class MeterItem(Shape):
    """A metering point of a building."""

    id: Id
    utility: _Utility
    parent: Id | None = Field(None, description="the meter that this one is a sub-meter of")
    use: Text | None = Field(None, description="what a sub-meter serves: lighting, sockets, catering, pool …")


class BuildingFile(Shape):
    """`buildings/<id>.yaml`; the file's name is the building's id."""

    name: Text
    use: Text = Field(description="town hall, primary school …")
    tm46: int = Field(ge=1, le=29, description="category of CIBSE TM46")
    floor_area_m2: _Positive = Field(description="gross internal area")
    uprn: Uprn | None = Field(None, description="Unique Property Reference Number, in quotes")
    hours: list[HoursItem] = Field(default_factory=list)
    levels: dict[Id, Text] = Field(min_length=1, description="id → name, from the ground up")
    spaces: list[SpaceItem] = Field(default_factory=list)
    meters: list[MeterItem] = Field(default_factory=list)


class DeviceHead(Shape):
    """What a device is, wherever it is."""

    id: Id
    kind: _Kind
    model: Text = Field(description="make and model")
    source: Id = Field(NATIVE, description="id of its source")
    address: Text | None = Field(None, description="address within the source; default for `native`: the id")
    interval: Interval = Field(description="expected time between messages")
    absent: Absences = Field((), description="planned silence, without an alarm: from/to, several with spaces between")


class AssignmentItem(Shape):
    """Where a device is, and what it meters, for a time."""

    building: Id
    level: Id | None = Field(None, description="default: the level of the space")
    space: Id | None = None
    meter: Id | None = Field(None, description="the metering point that it measures")
    opening_register: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="reading of the register when the assignment began"
    )
    start: Instant = Field(alias="from", description="inclusive")
    end: Instant | None = Field(None, alias="to", description="exclusive; none while it lasts")


class DeviceItem(DeviceHead):
    """A device of `devices.yaml`."""

    assignments: list[AssignmentItem] = Field(min_length=1)


class DevicesFile(Shape):
    """`devices.yaml`"""

    devices: list[DeviceItem]


class DeviceRow(DeviceHead, AssignmentItem):
    """A row of `devices.csv`: a device and one of its assignments."""


def keys(shape: type[BaseModel]) -> list[str]:
    """The keys (in CSV: the columns) of a shape."""
    return [field.alias or name for name, field in shape.model_fields.items()]


def required(shape: type[Shape]) -> list[str]:
    """The keys that a shape cannot do without."""
    return [field.alias or name for name, field in shape.model_fields.items() if field.is_required()]
