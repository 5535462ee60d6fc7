"""Device models as data: `models/<maker>/<model>.yaml` maps a maker's decoded keys to the schema.

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

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from devices import schema, units
from devices.clock import TimeUnit
from devices.codecs import CODECS

MAKER_FILE: Final = "maker.yaml"
EXAMPLES: Final = ".examples.yaml"
MAX_KEYS: Final = 1_024
"""of a model, whose meaning is remembered"""
LONGEST_KEY: Final = 128
"""characters of a key that is remembered"""
STATES: Final[Mapping[str, float]] = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
"""words of a state whose rule names none"""
T = TypeVar("T", bound=BaseModel)

_NUMBERED: Final = re.compile(r"(.*[._ -]|.*[A-Za-z])([0-9]{1,3})")
_VARIANT: Final = re.compile(r"-(?:[0-9]{3}|(?:eu|us|au|as|in)?(?:433|470|863|865|868|915|920|923)(?:-?m(?:hz)?)?)$")
"""a radio band, or a variant of three digits, behind a model's name"""


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


class _Common(_Strict):
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


class MakerFile(_Common):
    """`maker.yaml`."""

    maker: str


class ModelFile(_Common):
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


class Key(NamedTuple):
    """What one key of a message means to a model: a rule, or that it is ignored, or neither."""

    rule: Rule | None
    place: tuple[str, str]
    """the rule's field and channel, of which a message has one reading"""
    ignored: bool
    error: bool
    """it is set when the sensor has failed"""
    plain: Plain | None
    words: Mapping[str, float]
    """of a state, in lower case"""
    field: schema.Field | None


@dataclass(frozen=True, slots=True)
class Model:
    """A device model with its maker's defaults filled in."""

    name: str
    described: bool
    """it has a file of its own; False where only its maker is known"""
    codec: str
    layout: Mapping[str, Any]
    fields: Mapping[str, Rule]
    ignore: frozenset[str]
    ignore_patterns: tuple[str, ...]
    errors: frozenset[str]
    labels: Mapping[str, tuple[str, ...]]
    history: History | None
    time: Clock | None
    keys: dict[str, Key] = field(default_factory=dict, compare=False, repr=False)
    """keys that were asked for; emptied when there are too many, since names from outside are without end"""

    def key(self, key: str) -> Key:
        """What `key` means; remembered in `keys`."""
        rule, channel = self.rule(key) or (None, "")
        error = key in self.errors
        place = (rule.field if rule else "", channel)
        if rule is None or error:
            known = Key(rule, place, self.ignores(key), error, None, {}, None)
        else:
            known = Key(rule, place, self.ignores(key), False, rule.plain(), rule.words(), schema.BY_NAME[rule.field])
        if len(key) <= LONGEST_KEY:
            if len(self.keys) >= MAX_KEYS:
                self.keys.clear()
            self.keys[key] = known
        return known

    def rule(self, key: str) -> tuple[Rule, str] | None:
        """What `key` means, and its channel; a key may end in a number that the model writes as `#`."""
        exact = self.fields.get(key)
        if exact is not None:
            return exact, exact.channel
        numbered = _NUMBERED.fullmatch(key)
        if numbered is None:
            return None
        rule = self.fields.get(f"{numbered[1]}#")
        return (rule, rule.channel.replace("#", numbered[2])) if rule else None

    def ignores(self, key: str) -> bool:
        """Whether `key` is known and deliberately not stored."""
        return key in self.ignore or any(fnmatchcase(key, pattern) for pattern in self.ignore_patterns)


def word(value: object) -> str:
    """A maker's state as text: `true`, `1`, `open`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip().lower()


def find(name: str) -> Model | None:
    """The model called `name`: `maker/model` or `Maker Model`, in any case, with or without a radio band behind it.

    A maker that is known lends its defaults to a model that is not; None where the maker is unknown, too.
    """
    return _find(name[:200]) if name else None


@lru_cache(maxsize=4096)
def _find(name: str) -> Model | None:
    tidy = _tidy(name)
    for maker, slug in _splits(tidy):
        directory = _makers().get(maker)
        if directory is None:
            continue
        models = _models(directory)
        return models.get(slug) or models.get(_VARIANT.sub("", slug)) or models[""]
    alone = [models[tidy] for models in map(_models, set(_makers().values())) if tidy in models]
    return alone[0] if len(alone) == 1 and tidy else None


def _tidy(name: str) -> str:
    return re.sub(r"[\s_]+", "-", name.strip().lower())


def _splits(tidy: str) -> Iterator[tuple[str, str]]:
    if "/" in tidy:
        maker, _, slug = tidy.partition("/")
        yield maker, slug
        return
    parts = tidy.split("-")
    for at in range(1, len(parts)):
        yield "-".join(parts[:at]), "-".join(parts[at:])


def _root() -> Traversable:
    return files("devices") / "models"


@cache
def _makers() -> Mapping[str, str]:
    """Every name of a maker → its directory."""
    found: dict[str, str] = {}
    for directory in sorted(_root().iterdir(), key=lambda entry: entry.name):
        if (directory / MAKER_FILE).is_file():
            maker = read(MakerFile, directory / MAKER_FILE)
            found.update(dict.fromkeys((directory.name, _tidy(maker.maker), *map(_tidy, maker.names)), directory.name))
    return found


@cache
def _models(directory: str) -> Mapping[str, Model]:
    """Every name of a model of the maker in `directory`; the empty name stands for a model without a file."""
    folder = _root() / directory
    maker = read(MakerFile, folder / MAKER_FILE)
    found = {"": _merge(maker, maker.maker, maker)}
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml") and entry.name != MAKER_FILE and not entry.name.endswith(EXAMPLES):
            own = read(ModelFile, entry)
            model = _merge(maker, f"{own.maker} {own.model}", own)
            names = (entry.name.removesuffix(".yaml"), _tidy(own.model), *map(_tidy, own.names))
            found.update(dict.fromkeys(names, model))
    return found


def merge_alone(own: ModelFile) -> Model:
    """A model that has no maker."""
    return _merge(MakerFile(maker=own.maker), own.model, own)


def _merge(maker: MakerFile, name: str, own: _Common) -> Model:
    ignored = (set(maker.ignore) | set(own.ignore)) - set(own.fields if own is not maker else ())
    patterns = tuple(sorted(key for key in ignored if "*" in key))
    return Model(
        name=name,
        described=own is not maker,
        codec=own.codec or maker.codec,
        layout={**maker.layout, **own.layout},
        fields={key: rule for key, rule in {**maker.fields, **own.fields}.items() if key not in own.ignore},
        ignore=frozenset(ignored),
        ignore_patterns=patterns,
        errors=frozenset(maker.errors) | frozenset(own.errors),
        labels={**maker.labels, **own.labels},
        history=own.history or maker.history,
        time=own.time or maker.time,
    )


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
