"""The small part of Home Assistant's templates that is read: one path into the message, and harmless filters.

A template from the network is never run. One that does more than this part is not understood, and said to be so.
"""

import math
import re
from dataclasses import dataclass
from typing import Final

from devices.payload import number

MAX_LENGTH: Final = 512
MAX_STEPS: Final = 16
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_STEP: Final = re.compile(rf"\.({_NAME})|\[\s*(?:'([^'\\]*)'|\"([^\"\\]*)\"|([0-9]{{1,4}}))\s*\]")
_FILTER: Final = re.compile(rf"\s*\|\s*({_NAME})\s*(?:\(([^()]*)\))?")
_START: Final = re.compile(r"\{\{-?\s*(value_json|value)(?![A-Za-z0-9_])")
_END: Final = re.compile(r"\s*-?\}\}")
_KNOWN: Final = frozenset({"float", "int", "round", "is_defined", "lower", "upper", "trim", "string", "default"})
"""Filters that are read. A default is never a reading: where it would be used there is no value."""


@dataclass(frozen=True, slots=True)
class Template:
    """A path into the message, and what is done with the value found there."""

    json: bool
    """the path leads into the message as JSON; else the value is its text"""
    steps: tuple[str | int, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()


PLAIN: Final = Template(json=False)
"""The message's text itself"""


def parse(text: str) -> Template | None:
    """The template that `text` is; None where it does more than is read here."""
    text = text.strip()
    if len(text) > MAX_LENGTH:
        return None
    start = _START.match(text)
    if start is None:
        return None
    at = start.end()
    steps: list[str | int] = []
    while (step := _STEP.match(text, at)) and len(steps) < MAX_STEPS:
        key = next((group for group in step.groups()[:3] if group is not None), None)
        steps.append(int(step[4]) if key is None else key)
        at = step.end()
    filters: list[tuple[str, str]] = []
    while found := _FILTER.match(text, at):
        if found[1] not in _KNOWN or len(filters) >= MAX_STEPS:
            return None
        filters.append((found[1], (found[2] or "").strip()))
        at = found.end()
    if not _END.fullmatch(text, at) or (steps and start[1] == "value"):
        return None
    return Template(start[1] == "value_json", tuple(steps), tuple(filters))


def evaluate(template: Template, value: object) -> object:
    """What `template` makes of a message (its JSON or its text); None where there is no value."""
    for step in template.steps:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
        if value is None:
            return None
    for name, argument in template.filters:
        value = _apply(name, argument, value)
    return value


def _apply(name: str, argument: str, value: object) -> object:
    if name in ("float", "int", "round"):
        found = number(value)
        if found is None:
            return None
        if name == "int":
            return math.trunc(found)
        return round(found, _digits(argument)) if name == "round" else found
    if isinstance(value, str) and name in ("lower", "upper", "trim"):
        return {"lower": value.lower, "upper": value.upper, "trim": value.strip}[name]()
    return value


def _digits(argument: str) -> int:
    first = argument.partition(",")[0].strip()
    return int(first) if re.fullmatch(r"-?[0-9]", first) else 0
