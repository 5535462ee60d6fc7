"""The file of a device model: `models/<maker>/<model>.yaml` maps a maker's decoded keys to the schema.

    maker: Milesight
    model: EM300-MCS
    names: [em300-mcs-868m]            other spellings, within the maker
    codec: milesight                   how its LoRaWAN frames are read, with the codec's own `layout`
    layout: {channels: {"06 00": magnet_status}}
    fields:
      temperature: temperature         the schema's field, in the schema's unit
      battery_mv: {field: battery_voltage, unit: mV}
      magnet_status: {field: open, states: {open: 1, close: 0, 1: 1, 0: 0}}
      TempC_DS: {field: probe_temperature, absent: [327.67]}
    ignore: [light_level, "*_alarm"]   known, and not stored
    errors: [temperature_exception]    set when the sensor has failed
    history: {key: history, time: timestamp}
    time: {key: Systimestamp}

What holds for all models of a maker stands once in `models/<maker>/maker.yaml`, with the maker's other names; a model
overrides it key by key. Examples stand beside the model in `<model>.examples.yaml` and are its tests.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from devices import schema, units
from devices.clock import TimeUnit
from devices.codecs import CODECS

MAKER_FILE: Final = "maker.yaml"
EXAMPLES: Final = ".examples.yaml"
STATES: Final[Mapping[str, float]] = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
"""words of a state whose rule names none"""
T = TypeVar("T", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """What one key of the maker means."""

    field: str
    unit: str = ""
    """the value's unit; empty where it is the schema's, or where the message names it"""
    scale: float = 1.0
    channel: str = Field("", max_length=32)
    """`#` takes the number that `#` stands for in the key"""
    states: Mapping[str, float | None] = {}
    """for a state: the maker's word or number (as text, lower case) → 1, 0, or null for neither"""
    beside: tuple[str, ...] = ()
    """other keys, one of which must stand in the message for this one to be understood"""
    absent: tuple[float | str, ...] = ()
    """values that mean that there is none"""
    low: float = float("-inf")
    high: float = float("inf")
    """what this device can measure, in the schema's unit; outside is a misreading"""

    @field_validator("field")
    @classmethod
    def _of_schema(cls, value: str) -> str:
        if value not in schema.BY_NAME or value in schema.WRITTEN_BY_INGEST:
            near = get_close_matches(value, schema.BY_NAME.keys() - schema.WRITTEN_BY_INGEST, n=1)
            mend = f"did you mean {near[0]!r}?" if near else "docs/schema.md lists them"
            raise ValueError(f"{value!r} is no field that a device may send: {mend}")
        return value

    @field_validator("states", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return {word(key): number for key, number in value.items()} if isinstance(value, Mapping) else value

    def plain(self) -> "Plain | None":
        """The rule as one of plain numbers, where it knows no words and stands alone."""
        stored = schema.BY_NAME[self.field]
        if stored.kind is schema.Kind.STATE or self.states or self.beside:
            return None
        absent = tuple(value for value in self.absent if not isinstance(value, str))
        unit = "" if self.unit == stored.unit else self.unit
        return Plain(stored, self.scale, unit, absent, self.low, self.high)

    def words(self) -> Mapping[str, float]:
        """For a state that stands alone: what its words mean; else empty."""
        alone = schema.BY_NAME[self.field].kind is schema.Kind.STATE and not (self.beside or self.absent)
        known = {key: number for key, number in self.states.items() if number is not None}
        return (known if self.states else STATES) if alone else {}

    @model_validator(mode="after")
    def _convertible(self) -> "Rule":
        wanted = schema.BY_NAME[self.field].unit
        if self.unit and not units.same_dimension(self.unit, wanted):
            raise ValueError(
                f"{self.field} is stored in {wanted!r}, and {self.unit!r} cannot be converted to it: correct one"
            )
        return self


class Clock(_Strict):
    """Where the device writes its own time."""

    key: str = Field(description="its key, by points where it is nested")
    unit: TimeUnit = Field("s", description="how it is written; `local` is the time of day here, without an offset")


class History(_Strict):
    """A list of earlier readings, each an object with its own time in epoch seconds."""

    key: str
    time: str = "timestamp"


def short_rule(value: object) -> object:
    return {"field": value} if isinstance(value, str) else value


class Common(_Strict):
    """What a model's file and its maker's share."""

    codec: str = ""
    layout: Mapping[str, Any] = {}
    fields: Mapping[str, Annotated[Rule, BeforeValidator(short_rule)]] = {}
    ignore: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = {}
    """key of a list of objects → the members that name each object, in order of preference"""
    history: History | None = None
    time: Clock | None = None
    names: tuple[str, ...] = ()

    @field_validator("codec")
    @classmethod
    def _known_codec(cls, value: str) -> str:
        if value and value not in CODECS:
            raise ValueError(f"unknown codec {value!r}: known are {', '.join(CODECS)}")
        return value


class MakerFile(Common):
    """`maker.yaml`."""

    maker: str


class ModelFile(Common):
    """`<model>.yaml`."""

    maker: str
    model: str


class Plain(NamedTuple):
    """A rule that makes a value of any number without a unit of its own."""

    field: schema.Field
    scale: float
    unit: str
    """the value's unit; empty where it is the schema's"""
    absent: tuple[float, ...]
    low: float
    high: float


def word(value: object) -> str:
    """A maker's state as text: `true`, `1`, `open`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().lower()


def read(kind: type[T], path: Traversable) -> T:
    """Read and check one file.

    Raises:
        ValueError: the file is not what it should be; the text names file, place and mend.
    """
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ValueError(f"{path}: {faults}") from error
