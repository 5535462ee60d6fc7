"""Says in words what pydantic found, with the mend."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from devices.estate.problem import Problem, nearest, shown, suggest
from devices.estate.shapes import Shape, keys
from devices.estate.text import Place
from devices.estate.values import ID
from devices.modelfile import Clock, Rule

S = TypeVar("S", bound=Shape)

_WORDS: Final = {
    "estate": ("{key}: {what}", "{mend}"),
    "missing": ("{key!r} is missing", "add it"),
    "string_type": ("{key}: {found} is no text", "write it in quotes"),
    "string_too_short": ("{key} is empty", "fill it in"),
    "too_short": ("{key} is empty", "add at least one"),
    "string_too_long": ("{key} is too long", "keep it within {max_length} characters"),
    "model_type": ("{found} is no mapping", "write it as 'key: value' lines"),
    "dict_type": ("{key}: {found} is no mapping", "write it as 'key: value' lines"),
    "list_type": ("{key}: {found} is no list", "begin each item with '- '"),
    "bool_type": ("{key}: {found} is no yes or no", "write true or false"),
    "int_type": ("{key}: {found} is no whole number", "write a whole number, without quotes"),
    "int_from_float": ("{key}: {found} is no whole number", "write a whole number"),
    "int_parsing": ("{key}: {found} is no whole number", "write a whole number"),
    "float_type": ("{key}: {found} is no number", "write a number, without quotes"),
    "float_parsing": ("{key}: {found} is no number", "write a number, with a point and no commas"),
    "finite_number": ("{key}: {found} is no number", "write a finite number"),
    "literal_error": ("{key}: unknown {found}", "write one of {expected}"),
    "greater_than": ("{key}: {found} is too small", "give more than {gt:g}"),
    "less_than_equal": ("{key}: {found} is too large", "give {le:g} or less"),
    "greater_than_equal": ("{key}: {found} is too small", "give {ge:g} or more"),
}

_INNER: Final[Mapping[str, type[BaseModel]]] = {"fields": Rule, "time": Clock}
"""what stands under a key that is a mapping of its own"""


def shaped(
    shape: type[S], raw: object, place: Place, problems: list[Problem], *, strict: bool | None = None
) -> S | None:
    """`raw` as a `shape`, or None and its problems. `strict` False is for CSV, whose cells are all text."""
    try:
        return shape.model_validate(raw, strict=strict)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            path = [step for step in details["loc"] if step != "[key]"]
            inner, written = _inside(shape, raw, path[:-1])
            what, mend = _explain(details, inner, _key(path), written)
            problems.append(place.at(*path).problem(what, mend))
        return None


def _inside(shape: type[Shape], raw: object, path: Sequence[int | str]) -> tuple[type[Shape], object]:
    """The shape of a mapping within the file, and what stands there."""
    for step in path:
        field = shape.model_fields.get(str(step))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, Shape):
            break
        shape, raw = field.annotation, raw.get(step) if isinstance(raw, dict) else None
    return shape, raw


def _key(path: Sequence[int | str]) -> str:
    """The innermost key: a list's items have none of their own."""
    return next((step for step in reversed(path) if isinstance(step, str)), str(path[0]) if path else "")


def _explain(error: ErrorDetails, shape: type[Shape], key: str, raw: object) -> tuple[str, str]:
    context: Mapping[str, object] = error.get("ctx", {})
    found = shown(error["input"])
    if error["type"] == "extra_forbidden":
        known = keys(_INNER.get(str(error["loc"][0]), shape) if len(error["loc"]) > 1 else shape)
        free = [each for each in known if len(error["loc"]) > 1 or not isinstance(raw, dict) or each not in raw]
        return f"unknown key {shown(key)}", suggest(key, free, f"the keys are {', '.join(known)}")
    if error["type"] == "enum":
        known = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        near = nearest(str(error["input"]), known)
        return f"{key}: unknown {found}", f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
    if error["type"] == "value_error":
        what, _, mend = str(context["error"]).partition(": ")
        return f"{key}: {what}", mend or "correct it"
    if error["type"] == "string_pattern_mismatch":
        return _pattern(key, found, str(context["pattern"]))
    if key == "tm46" and error["type"] != "missing":
        return f"{key}: {found} is no category of TM46", "use 1 to 29; devices/data/tm46.csv names them"
    what, mend = _WORDS.get(error["type"], ("{key}: {found} does not fit", error["msg"]))
    words = {**context, "key": shown(key) if "\n" in key else key, "found": found}
    return what.format_map(words), mend.format_map(words)


def _pattern(key: str, found: str, pattern: str) -> tuple[str, str]:
    if pattern == ID:
        return f"{key}: {found} is no id", "use 1 to 64 of a-z, 0-9 and -"
    if key == "topic":
        return f"{key}: {found} is no base topic", "leave out wildcards, and slashes at either end"
    return f"{key}: {found} holds a control character", "remove it"
