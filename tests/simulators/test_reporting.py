"""Report on change with a heartbeat: what holds whatever is measured."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.model import Device, DeviceKind
from devices.schema import BY_NAME
from simulators.noise import keys
from simulators.reporting import LOOK_S, Points, Rule, Timer, follows, jitter_s, on_change, rule_of

BEGIN = 1_768_176_000

_values = st.lists(st.integers(-50, 50).map(lambda n: n / 10), min_size=30, max_size=120)


def _points(rule: Rule, heartbeat: float, *, also: Rule | None = None) -> Points:
    rules = [rule, also] if also else [rule]
    points = Points(
        np.zeros(len(rules), dtype=np.int64), rules, np.full(len(rules), heartbeat),
        np.array([False, True][: len(rules)]),
    )  # fmt: skip
    points.begin(BEGIN, keys([7] * len(rules)))
    return points


def _told(points: Points, values: list[float], *, cut: int = 0, column: int = 0) -> list[tuple[int, float]]:
    """When and what is told of one point; asked for in two parts where `cut` says so."""
    width = len(points.change)
    at = BEGIN + LOOK_S * np.arange(1, len(values) + 1)[:, None]
    table = np.repeat(np.array(values)[:, None], width, axis=1)
    there = np.ones(at.shape, dtype=np.bool_)
    parts = [slice(0, cut), slice(cut, None)]
    say = np.concatenate([points.decide(at[part], table[part], there[part]) for part in parts])
    return [(int(at[row, 0]), values[row]) for row in np.flatnonzero(say[:, column])]


@given(_values, st.sampled_from([61, 90, 120, 300, 420, 3_600]), st.floats(0.1, 5.0))
def test_a_device_is_never_silent_for_longer_than_its_heartbeat(
    values: list[float], heartbeat: int, change: float
) -> None:
    told = _told(_points(Rule(change), heartbeat), values)
    times = [BEGIN, *(at for at, _ in told), BEGIN + LOOK_S * len(values)]
    assert all(b - a <= heartbeat for a, b in pairwise(times))


@given(_values, st.sampled_from([0.1, 0.2, 1.0]), st.sampled_from([0, 10, 120, 300]))
def test_a_change_beyond_the_threshold_is_told_within_the_shortest_interval(
    values: list[float], change: float, least: int
) -> None:
    told = _told(_points(Rule(change, least), 1e6), values)
    last, last_at = values[0], -1_000_000_000  # the first look only learns; nothing was told before it
    by_time = dict(told)
    for row, value in enumerate(values):
        at = BEGIN + LOOK_S * (row + 1)
        differs = abs(value - last) > change - 1e-9
        assert (at in by_time) == (differs and at - last_at >= least), (at, value, last)
        if at in by_time:
            last, last_at = value, at


@given(_values, st.data())
def test_how_often_somebody_asks_changes_nothing(values: list[float], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(values)))
    whole = _told(_points(Rule(0.3, 90), 420), values)
    assert _told(_points(Rule(0.3, 90), 420), values, cut=cut) == whole


@given(_values)
def test_what_follows_is_told_with_whatever_is_told(values: list[float]) -> None:
    rule, rider = Rule(0.3), Rule()
    assert _told(_points(rule, 600, also=rider), values, column=1) == _told(_points(rule, 600, also=rider), values)


@given(_values, st.integers(1, 29))
def test_a_memory_goes_through_a_file(values: list[float], cut: int) -> None:
    whole = _told(_points(Rule(0.3, 90), 420), values)
    first = _points(Rule(0.3, 90), 420)
    told = _told(first, values[:cut])
    second = _points(Rule(1.0), 60.0)
    second = Points(second.device, [Rule(0.3, 90)], np.array([420.0]), np.array([False]))
    second.begin(BEGIN + 86_400, keys([9]))
    second.restore(["x"], first.memory(["x"]))
    at = BEGIN + LOOK_S * np.arange(cut + 1, len(values) + 1)[:, None]
    say = second.decide(at, np.array(values[cut:])[:, None], np.ones(at.shape, dtype=np.bool_))
    assert told + [(int(at[row, 0]), values[cut + row]) for row in np.flatnonzero(say[:, 0])] == whole


@given(st.integers(1, 4_000), st.integers(0, 3_999), st.integers(0, 30), st.lists(st.integers(0, 20_000), max_size=6))
def test_a_timer_keeps_its_period_but_for_its_jitter(period: int, phase: int, jitter: int, cuts: list[int]) -> None:
    jitter, phase = min(jitter, period - 1), phase % period
    timer = Timer(keys([3]), *(np.array([one], dtype=np.int64) for one in (period, phase, jitter)))
    ends = sorted({0, *cuts, 20_000})
    times = [int(at) for a, b in pairwise(ends) for at in timer.times(BEGIN + a, BEGIN + b)[1]]
    assert times == timer.times(BEGIN, BEGIN + 20_000)[1].tolist()
    assert all(abs(b - a - period) <= jitter for a, b in pairwise(times))
    assert abs(len(times) - 20_000 / period) <= 2


def _device(kind: DeviceKind, model: str = "x", interval: int = 300) -> Device:
    return Device("d", "sim", kind, model, "s", "d", interval, ())


@pytest.mark.parametrize(
    ("form", "kind", "changes"),
    [
        ("zigbee2mqtt", DeviceKind.RADIATOR_THERMOSTAT, True), ("native", DeviceKind.ROOM_SENSOR, True),
        ("shelly2", DeviceKind.SMART_PLUG, True), ("tasmota", DeviceKind.SMART_PLUG, False),
        ("thethingsstack", DeviceKind.ROOM_SENSOR, False), ("senml", DeviceKind.WATER_METER, False),
        ("native", DeviceKind.ELECTRICITY_METER, False),
    ],
)  # fmt: skip
def test_which_devices_report_on_change(form: str, kind: DeviceKind, changes: bool) -> None:
    assert on_change(_device(kind), form) is changes
    assert not on_change(_device(kind, interval=60), form)


@settings(max_examples=30)
@given(st.integers(60, 86_400))
def test_only_lorawan_sends_with_jitter(period: int) -> None:
    assert jitter_s("senml", period) == jitter_s("tasmota", period) == 0
    assert 0 < jitter_s("thethingsstack", period) <= 30


def test_rules_are_those_of_the_model_or_the_field() -> None:
    """0.2 K and 19 s: the ZHA toolkit's script for Danfoss Ally; 1 K and 10 s: Zigbee2MQTT's for temperature."""
    temperature = BY_NAME["temperature"]
    assert rule_of(_device(DeviceKind.RADIATOR_THERMOSTAT, "Danfoss 014G2461"), temperature) == (0.2, 19)
    assert rule_of(_device(DeviceKind.ROOM_SENSOR, "Philips 9290012607"), temperature) == (1.0, 10)
    assert rule_of(_device(DeviceKind.BULB), BY_NAME["link_quality"]).change == float("inf")
    assert follows(BY_NAME["link_quality"], "zigbee2mqtt")
    assert not follows(temperature, "zigbee2mqtt")
    assert follows(temperature, "native")
