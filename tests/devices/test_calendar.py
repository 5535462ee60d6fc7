"""Holidays and school terms against what was published for councils, and against what holds for any year."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.calendar import SCOTLAND, Calendar, closed_days, easter, school_year
from devices.estate.reference import calendar_rules, council_areas
from devices.registry import load

ABERDEEN, DUNDEE, EDINBURGH, FIFE = "S12000033", "S12000042", "S12000036", "S12000047"
GLASGOW, SOUTH_AYRSHIRE, WEST_LOTHIAN = "S12000049", "S12000028", "S12000040"
YEARS = range(2020, 2036)


def _calendar(gss: str) -> Calendar:
    return Calendar(calendar_rules()[gss])


def _days(*texts: str) -> set[date]:
    found = set()
    for text in texts:
        first, _, last = text.partition("..")
        start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        found |= {start + timedelta(days=day) for day in range((end - start).days + 1)}
    return found


def test_bank_holidays_are_scotlands() -> None:
    """As proclaimed (gov.uk/bank-holidays, 2026 to 2028)."""
    published = _days(
        "2026-01-01", "2026-01-02", "2026-04-03", "2026-05-04", "2026-05-25", "2026-06-15", "2026-08-03", "2026-11-30",
        "2026-12-25", "2026-12-28", "2027-01-01", "2027-01-04", "2027-03-26", "2027-05-03", "2027-05-31", "2027-08-02",
        "2027-11-30", "2027-12-27", "2027-12-28", "2028-01-03", "2028-01-04", "2028-04-14", "2028-05-01", "2028-05-29",
        "2028-08-07", "2028-11-30", "2028-12-25", "2028-12-26",
    )  # fmt: skip
    assert {day for year in (2026, 2027, 2028) for day in closed_days(SCOTLAND.rules, year)} == published


@pytest.mark.parametrize(
    ("gss", "year", "published"),
    [
        # glasgowchamberofcommerce.com, "Glasgow public holidays", 2024
        (GLASGOW, 2024, ("01-01", "01-02", "04-01", "05-06", "05-27", "07-15", "09-30", "12-25", "12-26")),
        # dundeecity.gov.uk, "Public holidays in Dundee", 2025
        (DUNDEE, 2025, ("01-01", "04-07", "05-05", "05-26", "07-28", "10-06", "12-25", "12-26")),
        # south-ayrshire.gov.uk, "Public holidays", 2024, without those of schools alone
        (SOUTH_AYRSHIRE, 2024, ("01-01", "01-02", "03-29", "04-01", "05-06", "05-27", "09-20", "09-23", "12-25",
                                "12-26")),
    ],
)  # fmt: skip
def test_council_buildings_close_on_the_published_days(gss: str, year: int, published: tuple[str, ...]) -> None:
    assert closed_days(calendar_rules()[gss], year) == {date.fromisoformat(f"{year}-{day}") for day in published}


def test_aberdeen_has_its_own_holidays() -> None:
    """aberdeencity.gov.uk, "Local public holidays", 2022 and 2023."""
    aberdeen = _calendar(ABERDEEN)
    own = _days("2022-04-18", "2022-07-11", "2022-09-26", "2023-04-17", "2023-07-10", "2023-09-25")
    assert all(aberdeen.is_closed(day) for day in own)
    assert not any(_calendar(DUNDEE).is_closed(day) for day in own)


PUBLISHED = {
    # glasgowworld.com and towerview-nursery.glasgow.sch.uk; the in-service Friday of October is 11, not the "10th"
    GLASGOW: (
        "2024-08-14", "2025-06-25",
        ("2024-09-27", "2024-09-30", "2024-10-14..2024-10-18", "2024-12-23..2025-01-05", "2025-02-17..2025-02-18",
         "2025-04-07..2025-04-21", "2025-05-05", "2025-05-23", "2025-05-26"),
        ("2024-08-12", "2024-08-13", "2024-10-11", "2025-02-19", "2025-05-22"),
    ),
    # eveningtelegraph.co.uk, 2021-05-12; the fifth in-service day is not in it
    DUNDEE: (
        "2024-08-13", "2025-06-27",
        ("2024-10-07..2024-10-18", "2024-12-23..2025-01-05", "2025-02-14..2025-02-17", "2025-03-31..2025-04-11",
         "2025-04-18", "2025-05-05", "2025-05-26"),
        ("2024-08-12", "2024-11-14", "2024-11-15", "2025-02-18", "2025-05-01"),
    ),
    # fifetoday.co.uk, 2024-08-17
    FIFE: (
        "2024-08-21", "2025-07-03",
        ("2024-10-07..2024-10-18", "2024-12-23..2025-01-03", "2025-02-13..2025-02-14", "2025-04-07..2025-04-18",
         "2025-05-05", "2025-06-02"),
        ("2024-08-19", "2024-08-20", "2024-11-15", "2025-02-12", "2025-06-03"),
    ),
    # jyhs.westlothian.org.uk, "School Terms and Holidays 2024/2025", schools outside Bathgate and Linlithgow
    WEST_LOTHIAN: (
        "2024-08-13", "2025-06-27",
        ("2024-09-13..2024-09-16", "2024-10-14..2024-10-18", "2024-12-23..2025-01-05", "2025-02-10..2025-02-14",
         "2025-04-07..2025-04-21", "2025-05-05", "2025-05-19"),
        ("2024-08-12", "2024-09-17", "2024-10-21", "2025-02-17", "2025-05-06"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("gss", PUBLISHED)
def test_pupils_and_teachers_are_in_as_published_for_2024_25(gss: str) -> None:
    first, last, off, in_service = PUBLISHED[gss]
    calendar = _calendar(gss)
    weekdays = {day for day in _days("2024-08-01..2025-07-31") if day.weekday() < 5}
    taught = {day for day in weekdays if calendar.in_term(day)}
    assert taught == (weekdays & _days(f"{first}..{last}")) - _days(*off) - _days(*in_service)
    assert {day for day in weekdays if calendar.in_service(day)} == _days(*in_service)


@pytest.mark.parametrize(
    ("day", "taught"),
    [
        # edinburghnews.scotsman.com, 2025/26
        ("2025-08-12", False), ("2025-08-13", True), ("2025-09-15", False), ("2025-10-13", False),
        ("2025-10-20", False), ("2025-10-21", True), ("2025-12-19", True), ("2025-12-22", False),
        ("2026-01-05", False), ("2026-01-06", True), ("2026-02-16", False), ("2026-02-20", False),
        ("2026-04-03", False), ("2026-04-20", False), ("2026-04-21", True), ("2026-05-04", False),
        ("2026-05-05", False), ("2026-05-18", False), ("2026-06-26", True), ("2026-06-29", False),
    ],
)  # fmt: skip
def test_terms_are_edinburghs(day: str, taught: bool) -> None:
    assert _calendar(EDINBURGH).in_term(date.fromisoformat(day)) is taught


def test_every_council_has_rules_and_no_other() -> None:
    assert calendar_rules().keys() == council_areas().keys()


@pytest.mark.parametrize("gss", calendar_rules())
def test_any_year_of_any_council_is_sane(gss: str) -> None:
    """190 days are the law's; the rules come within 9 of them, and teachers have five more."""
    calendar = _calendar(gss)
    for begins in YEARS:
        year = school_year(calendar.rules, begins)
        days = [day for day in sorted(_days(f"{begins}-08-01..{begins + 1}-07-31")) if day.weekday() < 5]
        assert 181 <= sum(map(calendar.in_term, days)) <= 199
        assert sum(map(calendar.in_service, days)) == 5
        assert date(begins, 8, 10) <= year.first <= date(begins, 8, 24)
        assert date(begins + 1, 6, 22) <= year.last <= date(begins + 1, 7, 8)
        closed = closed_days(calendar.rules, begins)
        assert 7 <= len(closed) <= 12
        assert all(day.weekday() < 5 for day in closed)


@given(st.integers(2020, 2035), st.sampled_from(sorted(calendar_rules())))
def test_nobody_is_at_school_at_christmas_or_in_july(year: int, gss: str) -> None:
    calendar = _calendar(gss)
    away = _days(f"{year}-12-25..{year}-12-31", f"{year}-07-09..{year}-08-07")
    assert not any(calendar.in_term(day) or calendar.in_service(day) for day in away if day.weekday() < 5)
    assert calendar.is_closed(date(year, 12, 25)) or date(year, 12, 25).weekday() >= 5


@pytest.mark.parametrize(("year", "month", "day"), [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2035, 3, 25)])
def test_easter(year: int, month: int, day: int) -> None:
    """HM Nautical Almanac Office, dates of Easter."""
    assert easter(year) == date(year, month, day)


def test_what_the_estate_says_goes_before_the_rules(tmp_path: Path) -> None:
    (tmp_path / "council.yaml").write_text("""
id: moray
name: The Moray Council
gss: S12000020
calendar:
  closed: [2026-09-21]
  open: [2026-06-15]
  school_years:
    - {first: 2026-08-18, last: 2027-07-02, breaks: [2026-10-12..2026-10-23, 2026-11-16], in_service: [2026-08-17]}
""")
    calendar = load(tmp_path).councils["moray"].calendar
    assert calendar.rules == calendar_rules()["S12000020"]
    assert calendar.is_closed(date(2026, 9, 21))
    assert not calendar.is_closed(date(2026, 6, 15))
    taught = {day: calendar.in_term(date.fromisoformat(day)) for day in ("2026-10-09", "2026-10-23", "2026-11-16")}
    assert taught == {"2026-10-09": True, "2026-10-23": False, "2026-11-16": False}
    assert calendar.in_service(date(2026, 8, 17))
    assert calendar.in_term(date(2025, 10, 28)), "another year keeps the rules"


def test_an_invented_council_borrows_a_calendar_or_has_scotlands(tmp_path: Path) -> None:
    head = "id: sim\nname: Sim\ninvented: true\nclimate_station: nairn\n"
    (tmp_path / "council.yaml").write_text(head)
    assert load(tmp_path).councils["sim"].calendar == SCOTLAND
    (tmp_path / "council.yaml").write_text(f"{head}calendar: {{like: {GLASGOW}}}\n")
    assert load(tmp_path).councils["sim"].calendar == _calendar(GLASGOW)
