"""The address of a board: board, variables, time range, refresh and theme, named as Grafana names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

REFRESHES: Final[Mapping[str, str]] = {"": "Off", "30s": "30 seconds", "1m": "1 minute", "5m": "5 minutes"}
SECONDS: Final[Mapping[str, float]] = {"30s": 30, "1m": 60, "5m": 300}
RANGES: Final[Mapping[tuple[str, str], str]] = {
    ("now-24h", "now"): "Last 24 hours",
    ("now/d", "now"): "Today so far",
    ("now-1d/d", "now-1d/d"): "Yesterday",
    ("now-7d/d", "now"): "Last 7 days",
    ("now-1w/w", "now-1w/w"): "Last week",
    ("now-28d/d", "now"): "Last 4 weeks",
    ("now-90d/d", "now"): "Last 90 days",
}
VARIABLE: Final = "var-"


@dataclass(frozen=True, slots=True)
class Address:
    """What a board shows; `variables` has the wanted values of each variable that was chosen."""

    uid: str
    variables: Mapping[str, tuple[str, ...]]
    since: str
    until: str
    refresh: str
    theme: str

    def url(self) -> str:
        """Path and query that lead here."""
        pairs: list[tuple[str, str]] = [
            (f"{VARIABLE}{name}", value) for name, values in self.variables.items() for value in values
        ]
        pairs += [("from", self.since), ("to", self.until), ("refresh", self.refresh), ("theme", self.theme)]
        return f"/d/{self.uid}?{urlencode(pairs)}"


def parsed(uid: str, pairs: Sequence[tuple[str, str]], since: str, until: str, refresh: str) -> Address:
    """The address in the query string `pairs` of a request; what is absent is as the board has it."""
    given = dict(pairs)
    names = dict.fromkeys(name for name, _ in pairs if name.startswith(VARIABLE))
    variables = {name.removeprefix(VARIABLE): tuple(value for other, value in pairs if other == name) for name in names}
    wanted = given.get("refresh", refresh)
    return Address(
        uid,
        variables,
        given.get("from", since),
        given.get("to", until),
        wanted if wanted in REFRESHES else refresh,
        "dark" if given.get("theme") == "dark" else "light",
    )
