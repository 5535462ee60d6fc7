"""How many people are in a space: opening hours, the use of the space, the kind of day, and chance.

Arrivals are smooth and no space holds more than its capacity. The shapes over the day follow the DOE prototype
schedules for offices and the timetables of Scottish schools; 40 to 65 % of an office come in
on a day since hybrid work.
"""

from typing import Final

import numpy as np

from devices.model import Building
from simulators.moments import Clock, Slots, openness
from simulators.noise import Flags, Floats, Keys, smooths, uniforms

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
    "vacant": ((0, 0),),
    "store": ((7, 0), (9, 0.03), (16, 0.03), (18, 0)),
}  # fmt: skip

_SLEEP_FROM, _SLEEP_TO = 23.0, 6.5

_OFFICE_DAYS: Final = (0.5, 0.62, 0.65, 0.6, 0.4, 0.1, 0.1)
"""of those who have a desk, Monday first"""

_WORDS: Final = (
    ("vacant", ("mothballed", "vacant", "disused")),
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


def day_share(building: Building, now: Slots, curve: str = "public") -> Floats:
    """How full such a day is, against a busy one."""
    full = np.ones(len(now.at))
    if curve in {"bedroom", "lounge"} or never_closes(building):
        return full
    if is_school(building):
        return np.where(now.in_term, 1.0, np.where(now.in_service, 0.2, np.where(now.holiday, 0.0, 0.06)))
    if curve in {"office", "meeting"}:
        full = np.array(_OFFICE_DAYS)[now.weekday]
    return np.where(now.holiday, 0.5 if curve == "leisure" else 0.0, full)


def activity(building: Building, now: Slots, curve: str = "") -> Floats:
    """How much goes on in the building, 0 to 1; along a curve where one is named."""
    share = day_share(building, now, curve or "public") * opened(building, now)
    return share * along(curve, now.hour) if curve else share


def expected(curves: tuple[str, ...], share: Floats, capacity: Floats, of: Keys, now: Clock) -> Floats:
    """People in each space at each slot, 0 to its capacity.

    Args:
        curves: of each space.
        share: for each slot and space, how full the day and how open the building is.
        of: the spaces' keys of chance.
    """
    names = sorted(set(curves))
    table = np.stack([along(name, now.hour) for name in names], axis=1)
    usual = table[:, [names.index(name) for name in curves]]
    which = np.array(curves)
    part = share * usual * _chance(which == "meeting", which == "classroom", of, now)
    answer: Floats = capacity * np.minimum(1.0, part)
    return answer


def awake(curves: tuple[str, ...], now: Clock) -> Flags:
    """Whether who is in each space is up, at each slot: bedrooms are slept in by night."""
    asleep = (now.hour >= _SLEEP_FROM) | (now.hour < _SLEEP_TO)
    answer: Flags = ~(asleep[:, None] & (np.array(curves) == "bedroom"))
    return answer


def opened(building: Building, now: Clock) -> Floats:
    """0 closed to 1 open, with half an hour of coming and going."""
    return np.ones(len(now.at)) if never_closes(building) else openness(building.hours, now, ramp_h=0.5)


def is_school(building: Building) -> bool:
    return any(word in building.use.lower() for word in ("school", "nursery", "academy"))


def never_closes(building: Building) -> bool:
    return building.tm46 in {20, 21, 22, 23}


def along(curve: str, hour: Floats) -> Floats:
    """The share of its capacity that a space of this curve holds at each hour of a busy day."""
    points = np.array(_CURVES[curve])
    answer: Floats = np.interp(hour, points[:, 0], points[:, 1])
    return answer


def _chance(meeting: Flags, classroom: Flags, of: Keys, now: Clock) -> Floats:
    """This day and this hour against the usual, for each slot and space."""
    at = now.at[:, None]
    usual = (0.75 + 0.3 * uniforms(of, now.day[:, None])) * (0.85 + 0.3 * smooths(of, at / 2_700, stream=1))
    usual = np.where(meeting, 1.6 * smooths(of, at / 3_600, stream=1) ** 2, usual)
    elsewhere = uniforms(of, at // 5_400, stream=2) < 0.1
    return np.where(classroom & elsewhere, 0.05, usual)
