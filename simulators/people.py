"""How many people are in a space: opening hours, the use of the space, the kind of day, and chance.

Arrivals are smooth and no space holds more than its capacity. The shapes over the day follow the DOE prototype
schedules for offices and the timetables of Scottish schools; 40 to 65 % of an office come in
on a day since hybrid work.
"""

from itertools import pairwise
from typing import Final

from devices.model import Building, Space
from simulators.moments import Moment, openness
from simulators.noise import smooth, uniform

_Curve = tuple[tuple[float, float], ...]

_CURVES: Final[dict[str, _Curve]] = {
    "classroom": (
        (8.4, 0), (9, 0.92), (10.4, 0.92), (10.55, 0.15), (10.8, 0.92), (12.2, 0.9), (12.4, 0.05), (13.2, 0.1),
        (13.4, 0.9), (15.1, 0.88), (15.5, 0.08), (17, 0),
    ),
    "office": (
        (6.5, 0), (8, 0.25), (9, 0.95), (12, 0.95), (12.6, 0.5), (13.4, 0.55), (14, 0.95), (16.5, 0.9), (17.5, 0.3),
        (19, 0.05), (22, 0),
    ),
    "meeting": ((8, 0), (9.2, 0.5), (11.8, 0.6), (12.5, 0.2), (14, 0.6), (16.3, 0.5), (17.5, 0)),
    "dining": ((7, 0.02), (11.8, 0.1), (12.3, 0.7), (13, 0.7), (13.6, 0.1), (17, 0.08), (22, 0.02)),
    "leisure": ((6.3, 0), (7.2, 0.3), (9, 0.25), (12, 0.35), (14, 0.25), (16, 0.45), (18, 0.8), (20, 0.6), (22, 0)),
    "public": ((6, 0), (9.5, 0.2), (11, 0.45), (13, 0.5), (15.5, 0.6), (18, 0.4), (20, 0.1)),
    "passage": ((6, 0), (8.7, 0.35), (9.3, 0.12), (12.3, 0.3), (13.3, 0.12), (15.2, 0.35), (16, 0.1), (21, 0.02)),
    "bedroom": ((0, 0.95), (7, 0.95), (9, 0.35), (12, 0.25), (14, 0.45), (17, 0.3), (20, 0.6), (22, 0.95), (24, 0.95)),
    "lounge": ((0, 0.03), (7, 0.05), (9, 0.55), (12, 0.4), (14, 0.5), (17, 0.6), (20, 0.4), (22, 0.05), (24, 0.03)),
    "work": ((5.5, 0), (6.2, 0.6), (9, 0.4), (12, 0.6), (13, 0.4), (15, 0.6), (16.2, 0.2), (18, 0)),
    "store": ((7, 0), (9, 0.03), (16, 0.03), (18, 0)),
}  # fmt: skip

_WORDS: Final = (
    ("classroom", ("class", "nursery", "playroom", "laborator", "art room", "music")),
    ("meeting", ("meeting", "chamber", "consult", "interview", "training", "boardroom")),
    ("store", ("store", "plant", "server", "boiler", "toilet", "changing", "wc", "archive", "laundry")),
    ("dining", ("dining", "canteen", "kitchen", "café", "cafe", "catering")),
    ("passage", ("corridor", "foyer", "entrance", "reception", "stair", "circulation", "lobby", "atrium", "hallway")),
    ("leisure", ("sport", "gym", "pool", "fitness", "hall", "studio", "dance")),
    ("bedroom", ("bedroom",)),
    ("lounge", ("lounge", "day room", "dayroom", "living")),
    ("work", ("workshop", "garage", "vehicle", "depot", "bay")),
    ("office", ("office", "staff", "study")),
)
"""Which curve a space follows, by a word in its use; the first that fits."""


def curve_of(use: str) -> str:
    """The name of the curve for a space's use; `public` where nothing fits."""
    words = use.lower().replace("_", " ").replace("-", " ")
    return next((curve for curve, parts in _WORDS if any(part in words for part in parts)), "public")


def in_use(building: Building, now: Moment) -> bool:
    """Whether this is a day on which the building is used at all."""
    return _day_share(building, "public", now) > 0.1


def activity(building: Building, now: Moment, curve: str = "") -> float:
    """How much goes on in the building, 0 to 1; along a curve where one is named."""
    share = _day_share(building, curve or "public", now) * _open(building, now)
    return share * (_along(_CURVES[curve], now.hour) if curve else 1.0)


def people(building: Building, space: Space, curve: str, of: int, now: Moment) -> float:
    """People in the space, 0 to its capacity; `of` is the space's key of chance."""
    share = _day_share(building, curve, now) * _open(building, now)
    if share <= 0:
        return 0.0
    share *= _along(_CURVES[curve], now.hour) * _chance(curve, of, now)
    return space.capacity * min(1.0, share)


def _day_share(building: Building, curve: str, now: Moment) -> float:
    """How full such a day is, against a busy one."""
    if curve in {"bedroom", "lounge"} or _never_closes(building):
        return 1.0
    if _is_school(building):
        return 1.0 if now.in_term else (0.0 if now.bank_holiday else 0.06)
    if now.bank_holiday:
        return 0.5 if curve == "leisure" else 0.0
    if curve in {"office", "meeting"}:
        return (0.5, 0.62, 0.65, 0.6, 0.4, 0.1, 0.1)[now.weekday]
    return 1.0


def _chance(curve: str, of: int, now: Moment) -> float:
    """This day and this hour against the usual."""
    day = 0.75 + 0.3 * uniform(of, now.day)
    if curve == "meeting":
        return 1.6 * smooth(of + 1, now.at / 3600) ** 2
    if curve == "classroom" and uniform(of + 2, now.at // 5400) < 0.1:
        return 0.05
    return day * (0.85 + 0.3 * smooth(of + 1, now.at / 2700))


def _open(building: Building, now: Moment) -> float:
    return 1.0 if _never_closes(building) else openness(building.hours, now, ramp_h=0.5)


def _is_school(building: Building) -> bool:
    return any(word in building.use.lower() for word in ("school", "nursery", "academy"))


def _never_closes(building: Building) -> bool:
    return building.tm46 in {20, 21, 22, 23}


def _along(curve: _Curve, hour: float) -> float:
    if hour <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if hour <= x1:
            return y0 + (y1 - y0) * (hour - x0) / (x1 - x0)
    return curve[-1][1]
