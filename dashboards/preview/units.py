"""Numbers with Grafana's units, as people read them."""

import math
from typing import Final, NamedTuple


class Scale(NamedTuple):
    """How a number is shown: multiplied by `factor`, followed by `suffix`."""

    factor: float
    suffix: str
    decimals: int | None = None
    prefix: str = ""


_STEPPED: Final = {
    "watt": ("W", "kW", "MW", "GW"),
    "kwatth": ("kWh", "MWh", "GWh", "TWh"),
    "masskg": ("kg", "t", "kt", "Mt"),
    "currencyGBP": ("", "K", "M", "B"),
}
_PREFIXES: Final = {"currencyGBP": "£"}
_DURATIONS: Final = ((604_800, "weeks"), (86_400, "days"), (3_600, "hours"), (60, "mins"), (1, "s"))
_FIXED: Final = {
    "celsius": Scale(1, "°C", 1),
    "humidity": Scale(1, "%", 0),
    "percent": Scale(1, "%", 0),
    "percentunit": Scale(100, "%", 0),
    "ppm": Scale(1, "ppm", 0),
    "m3": Scale(1, "m³"),
    "h": Scale(1, "h", 1),
    "none": Scale(1, ""),
}


def scale(unit: str, largest: float) -> Scale:
    """The scale that suits numbers up to `largest`; an unknown unit is written as it is."""
    kind, _, text = unit.partition(":")
    if kind == "prefix":
        return Scale(1, "", prefix=text)
    if kind == "suffix":
        return Scale(1, text)
    if unit == "s":
        seconds, name = next((one for one in _DURATIONS if largest >= one[0]), _DURATIONS[-1])
        return Scale(1 / seconds, name)
    if unit not in _STEPPED:
        return _FIXED.get(unit, Scale(1, unit))
    names = _STEPPED[unit]
    step = min(int(math.log10(largest) // 3), len(names) - 1) if largest >= 1_000 else 0
    return Scale(1_000.0**-step, names[step], prefix=_PREFIXES.get(unit, ""))


def decimals_for(largest: float) -> int:
    """Three significant figures or so."""
    if largest >= 100 or largest == 0:
        return 0
    return 1 if largest >= 10 else 2


def number(value: float, unit: str, decimals: int | None = None) -> tuple[str, str]:
    """A number in its unit, as figure and suffix: `("12.4", "kW")`."""
    chosen = scale(unit, abs(value))
    shown = value * chosen.factor
    places = next(one for one in (decimals, chosen.decimals, decimals_for(abs(shown))) if one is not None)
    if decimals is None and float(shown).is_integer() and chosen.decimals is None:
        places = 0
    sign = "−" if shown < 0 else ""
    return f"{sign}{chosen.prefix}{abs(shown):,.{places}f}", chosen.suffix
