"""The pure parts of the preview against what Grafana does: times, intervals, macros, frames, transformations, units."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import transformations
from dashboards.panels import Target, Text, columns
from dashboards.preview import markup, run
from dashboards.preview.address import parsed
from dashboards.preview.charts import time_series
from dashboards.preview.colours import DARK, LIGHT, by_threshold
from dashboards.preview.display import config_of
from dashboards.preview.frames import Column, Frame, QueryError, Series, as_table, as_time_series, series_of
from dashboards.preview.macros import Choice, with_time, with_variables
from dashboards.preview.page import spelled
from dashboards.preview.timerange import Range, bucket, instant
from dashboards.preview.transform import transformed
from dashboards.preview.units import number

LONDON = ZoneInfo("Europe/London")
NOW = datetime(2026, 10, 26, 9, 30, tzinfo=UTC)


def at(text: str, *, last: bool = False) -> str:
    return datetime.fromtimestamp(instant(text, NOW, LONDON, last=last) / 1_000, LONDON).isoformat()


@pytest.mark.parametrize(
    ("text", "last", "expected"),
    [
        ("now", False, "2026-10-26T09:30:00+00:00"),
        ("now-6h", False, "2026-10-26T03:30:00+00:00"),
        ("now-24h", False, "2026-10-25T09:30:00+00:00"),
        ("now/d", False, "2026-10-26T00:00:00+00:00"),
        ("now-1d/d", False, "2026-10-25T00:00:00+01:00"),
        ("now-1d/d", True, "2026-10-25T23:59:59.999000+00:00"),
        ("now-7d/d", False, "2026-10-19T00:00:00+01:00"),
        ("now/w", False, "2026-10-26T00:00:00+00:00"),
        ("now/M", True, "2026-10-31T23:59:59.999000+00:00"),
        ("1790000000000", False, "2026-09-21T15:13:20+01:00"),
    ],
)
def test_times_are_grafanas(text: str, last: bool, expected: str) -> None:
    assert at(text, last=last) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "now+1d", "now-", "now-7", "2026-10-26", "now;DROP"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        instant(text, NOW, LONDON)


@pytest.mark.parametrize(
    ("hours", "points", "least", "expected"),
    # Grafana rounds the width of a point: 50 s to 1 m, 21.6 m to 20 m, 86.4 m to 1 h, 12 h to 12 h, 5.8 d to 1 d.
    [
        (6, 432, "", "1m"),
        (180, 500, "", "20m"),
        (720, 500, "", "1h"),
        (1_200, 100, "", "12h"),
        (70_080, 500, "", "1d"),
        (6, 432, "5m", "5m"),
        (720, 500, "30m", "1h"),
    ],
)
def test_intervals_are_grafanas(hours: int, points: int, least: str, expected: str) -> None:
    assert bucket(Range(0, hours * 3_600_000), points, least)[0] == expected


@given(st.integers(0, 10 * 365 * 86_400_000), st.integers(0, 365 * 86_400_000), st.integers(1, 5_000))
def test_a_longer_range_has_no_finer_bucket(length: int, more: int, points: int) -> None:
    _, short = bucket(Range(0, length), points)
    _, long = bucket(Range(0, length + more), points)
    assert 1_000 <= short <= long


def test_variables_become_patterns() -> None:
    choices = {"building": Choice(("a.b", "c")), "council": Choice(("x",)), "space": Choice((), ".+")}
    query = "/^$council$/ /^${building}$/ /^[[space]]$/ $timeFilter"
    assert with_variables(query, choices) == r"/^x$/ /^(a\.b|c)$/ /^.+$/ $timeFilter"


@given(st.text(min_size=1))
def test_no_value_escapes_from_its_pattern(value: str) -> None:
    pattern = Choice((value,)).pattern()
    assert re.fullmatch(pattern, value)
    assert not re.search(r"(?<!\\)(?:\\\\)*/", pattern), "a slash would end the expression"


def test_time_macros_are_replaced() -> None:
    query = "$timeFilter GROUP BY time($__interval) $__interval_ms $interval"
    assert with_time(query, Range(1, 2), "5m", 300_000) == "time >= 1ms and time <= 2ms GROUP BY time(5m) 300000 5m"


def variable(**changes: Any) -> dict[str, Any]:
    return {"multi": True, "includeAll": True, "allValue": ".*", **changes}


@pytest.mark.parametrize(
    ("of", "wanted", "expected"),
    [
        (variable(), (), Choice((), ".*")),
        (variable(), ("b", "zz"), Choice(("b",))),
        (variable(), ("zz' OR 1",), Choice((), ".*")),
        (variable(), ("a", run.ALL), Choice((), ".*")),
        (variable(multi=False, includeAll=False), (), Choice(("a",))),
        (variable(multi=False, includeAll=False), ("b", "a"), Choice(("b",))),
    ],
)
def test_only_what_is_offered_can_be_chosen(of: dict[str, Any], wanted: tuple[str, ...], expected: Choice) -> None:
    assert run.chosen(of, wanted, ["a", "b"]) == expected


def test_an_error_inside_an_answer_is_an_error() -> None:
    with pytest.raises(QueryError, match="database not found"):
        series_of({"results": [{"statement_id": 0, "error": "database not found: x"}]})
    assert series_of({"results": [{"statement_id": 0}, {"error": "the second is not read"}]}) == []


def test_a_series_is_named_by_its_alias() -> None:
    series = Series("power", ("time", "mean"), ((0, 1.5),), {"building": "b", "use": "u"})
    (frame,) = as_time_series("A", "$tag_building · [[tag_use]] $col of $m", [series])
    assert frame.columns[1].name == "b · u mean of power"


def test_a_table_has_the_tags_as_columns() -> None:
    answer = [Series("m", ("time", "x"), ((0, 1.0),), {"space": "s"}), Series("m", ("time", "x"), ((0, None),))]
    (frame,) = as_table("A", answer)
    assert [(column.name, column.values) for column in frame.columns] == [
        ("Time", (0, 0)), ("space", ("s", "")), ("x", (1.0, None)),
    ]  # fmt: skip


def frame(ref: str, **columns: tuple[Any, ...]) -> Frame:
    return Frame(ref, tuple(Column(name, values, time=name == "Time") for name, values in columns.items()))


def test_hours_of_the_week_become_a_matrix() -> None:
    """Two Mondays at 09 local time, one in summer and one in winter, and a Sunday."""
    times = [datetime(2026, 10, day, 9, tzinfo=LONDON) for day in (19, 26, 25)]
    data = frame("A", Time=tuple(one.timestamp() * 1_000 for one in times), share=(0.2, 0.6, 0.1))
    steps = [
        *transformations.hour_of_week(),
        transformations.group(["day", "hour"], {"share": ["mean"]}),
        *transformations.grid("day", "hour", "share (mean)"),
    ]
    (grid,) = transformed([data], steps)
    assert [(column.name, column.values) for column in grid.columns] == [
        ("Day", ("1", "7")),
        ("09", (pytest.approx(0.4), 0.1)),
    ]


def test_co2_counts_only_where_somebody_was() -> None:
    co2 = frame("A", Time=(0, 30, 0), space=("r", "r", "s"), co2=(400.0, 1_200.0, 900.0))
    held = frame("B", Time=(30,), space=("r",), occupied=(0.5,))
    steps = [
        transformations.merge(),
        transformations.only_numbers("co2", "occupied"),
        transformations.group(["space"], {"co2": ["mean", "max"]}),
    ]
    (result,) = transformed([co2, held], steps)
    assert {column.name: column.values for column in result.columns} == {
        "space": ("r",), "co2 (mean)": (1_200.0,), "co2 (max)": (1_200.0,),
    }  # fmt: skip


def test_an_unknown_transformation_is_named() -> None:
    with pytest.raises(ValueError, match="knows no transformation 'reduce'"):
        transformed([], [{"id": "reduce", "options": {}}])


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (950.0, "watt", ("950", "W")),
        (12_345.0, "watt", ("12.3", "kW")),
        (-2_500.0, "watt", ("−2.50", "kW")),
        (1_641.0, "kwatth", ("1.64", "MWh")),
        (0.8333, "percentunit", ("83", "%")),
        (21.04, "celsius", ("21.0", "°C")),
        (1_328.4, "ppm", ("1,328", "ppm")),
        (0.0, "watt", ("0", "W")),
        (26.0, "none", ("26", "")),
        (1_234.4, "prefix:£", ("£1,234", "")),
        (-3.2, "prefix:£", ("−£3.20", "")),
        (12_340.0, "currencyGBP", ("£12.3", "K")),
        (860.0, "currencyGBP", ("£860", "")),
        (4_321.0, "suffix:kgCO2e", ("4,321", "kgCO2e")),
        (4_321.0, "masskg", ("4.32", "t")),
        (9_000.0, "s", ("2.50", "hours")),
        (42.0, "s", ("42", "s")),
    ],
)
def test_numbers_are_written_in_their_unit(value: float, unit: str, expected: tuple[str, str]) -> None:
    assert number(value, unit) == expected


def test_a_range_by_dates_is_spelled_on_the_clock_of_the_board() -> None:
    """Midnight of British Summer Time is still the day before in UTC."""
    ends = [round(datetime(2026, 7, day, tzinfo=LONDON).timestamp() * 1_000) for day in (1, 5)]
    assert spelled((str(ends[0]), str(ends[1])), LONDON) == "01 Jul 2026 to 05 Jul 2026"


def test_an_axis_of_pounds_says_so() -> None:
    panel = {"type": "timeseries", **columns(Text("", "", ""), "currencyGBP", [Target("", "x")])}
    frame = Frame("A", (Column("Time", (0.0,), True), Column("x", (2_500.0,))))
    option = time_series(panel, [frame], Range(0, 3_600_000), 1_800_000, LIGHT)
    assert option["yAxis"][0]["name"] == "£K"
    assert "'£' + Number(v)" in str(option)


def test_thresholds_colour_from_their_value_upwards() -> None:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}, {"color": "red", "value": 1_500}]
    assert by_threshold(1_499.9, steps, LIGHT) == by_threshold(-1, steps, LIGHT) != by_threshold(1_500, steps, LIGHT)
    assert by_threshold(1, [{"color": "text", "value": None}], DARK) == DARK.text


def test_overrides_change_the_field_that_they_match() -> None:
    override = {
        "matcher": {"id": "byName", "options": "x"},
        "properties": [{"id": "unit", "value": "m3"}, {"id": "custom.width", "value": 9}],
    }
    panel = {"fieldConfig": {"defaults": {"unit": "watt", "custom": {"align": "left"}}, "overrides": [override]}}
    assert config_of(panel, "x", "A") == {"unit": "m3", "custom": {"align": "left", "width": 9}}
    assert config_of(panel, "y", "A") == {"unit": "watt", "custom": {"align": "left"}}


@given(st.text(alphabet="<>&\"'/ab", min_size=1))
def test_text_from_the_database_stays_text(text: str) -> None:
    panel: dict[str, Any] = {"options": {}, "fieldConfig": {"defaults": {"unit": "none"}, "overrides": []}}
    html = markup.table(panel, [frame("A", name=(text,))], LIGHT)
    cell = html.split('<td class="tb-text">')[1].split("</td>")[0]
    assert "<" not in cell
    assert ">" not in cell


def test_an_address_survives_its_own_url() -> None:
    pairs = [("var-building", "a"), ("var-building", "b"), ("from", "now-1d/d"), ("theme", "dark"), ("refresh", "9s")]
    address = parsed("u", pairs, "now-7d/d", "now", "1m")
    assert address.variables == {"building": ("a", "b")}
    assert (address.since, address.until, address.refresh, address.theme) == ("now-1d/d", "now", "1m", "dark")
    assert address.url() == "/d/u?var-building=a&var-building=b&from=now-1d%2Fd&to=now&refresh=1m&theme=dark"
