"""The model of a device: found by its name, with its maker's defaults filled in, and asked what each key means."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, NamedTuple

from devices import schema
from devices.modelfile import EXAMPLES, MAKER_FILE, Clock, Common, History, MakerFile, ModelFile, Plain, Rule, read

MAX_KEYS: Final = 1_024
"""of a model, whose meaning is remembered"""
LONGEST_KEY: Final = 128
"""characters of a key that is remembered"""

_NUMBERED: Final = re.compile(r"(.*[._ -]|.*[A-Za-z])([0-9]{1,3})")
_VARIANT: Final = re.compile(r"-(?:[0-9]{3}|(?:eu|us|au|as|in)?(?:433|470|863|865|868|915|920|923)(?:-?m(?:hz)?)?)$")
"""a radio band, or a variant of three digits, behind a model's name"""


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


def _merge(maker: MakerFile, name: str, own: Common) -> Model:
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
