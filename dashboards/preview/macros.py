"""Macros and variables in a query, replaced as Grafana's InfluxQL data source replaces them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dashboards.preview.timerange import Range

_NAME: Final = re.compile(r"\$\{(\w+)\}|\$(\w+)|\[\[(\w+)\]\]")
_SPECIAL: Final = re.compile(r"[\\^$*+?.()|\[\]{}/]")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen of one variable; `everything` is the pattern for all values, and then `values` is empty."""

    values: tuple[str, ...]
    everything: str = ""

    def pattern(self) -> str:
        """The regular expression that stands for the choice, without anchors."""
        if not self.values:
            return self.everything or "$^"
        escaped = [_SPECIAL.sub(r"\\\g<0>", value) for value in self.values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def with_variables(query: str, choices: Mapping[str, Choice]) -> str:
    """The query with each `$name` of a variable replaced by its pattern; unknown names stay."""

    def replace(match: re.Match[str]) -> str:
        choice = choices.get(match[1] or match[2] or match[3])
        return choice.pattern() if choice else match[0]

    return _NAME.sub(replace, query)


def with_time(query: str, span: Range, interval: str, milliseconds: int) -> str:
    """The query with `$timeFilter`, `$__interval_ms`, `$__interval` and `$interval` replaced."""
    return (
        query.replace("$timeFilter", f"time >= {span.start}ms and time <= {span.end}ms")
        .replace("$__interval_ms", str(milliseconds))
        .replace("$__interval", interval)
        .replace("$interval", interval)
    )
