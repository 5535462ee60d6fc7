"""The demo council, live: nobody is silent for longer than the registry expects, so no healthy device is an alarm."""

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

import simulators
from devices.registry import load
from devices.timestamps import SECOND
from ingest import silence
from simulators.simulation import Simulation
from tests.simulators.estates import TERM_MONDAY, estate

TUESDAY_6 = 1_768_284_000
"""13 January 2026 06:00 UTC"""
HOURS = 4
LOOK_S = 20
GAP_S = 50 * 60


@pytest.fixture(scope="module")
def heard() -> dict[str, list[int]]:
    """When each device was heard, seconds since 1970."""
    simulation = Simulation(load(Path(simulators.__file__).parent / "estate"), seed=1, start=TUESDAY_6)
    simulation.step(HOURS * 3_600)
    times = defaultdict(list)
    for due in simulation.due(simulation.now):
        times[due.device.id].append(due.time // SECOND)
    return times


def test_no_healthy_device_of_the_demo_is_late(heard: dict[str, list[int]]) -> None:
    council = load(Path(simulators.__file__).parent / "estate").councils["sim-kirkbrae"]
    assert len(heard) > 550
    for name, times in heard.items():
        device = council.devices[name]
        jitter = 30 if council.sources[device.source].format == "thethingsstack" else 0
        ends = [TUESDAY_6, *times, TUESDAY_6 + HOURS * 3_600]
        assert max(b - a for a, b in pairwise(ends)) <= device.interval + jitter, name


def test_no_alarm_is_raised_for_a_healthy_council(heard: dict[str, list[int]]) -> None:
    council = load(Path(simulators.__file__).parent / "estate").councils["sim-kirkbrae"]
    watch, alarms = silence.Watch(), list[silence.Alarm]()
    told = {name: iter([*times, 2**62]) for name, times in heard.items()}
    following = {name: next(times) for name, times in told.items()}
    last = dict.fromkeys(heard, 0)
    for now in range(TUESDAY_6, TUESDAY_6 + HOURS * 3_600, LOOK_S):
        for name in heard:
            while following[name] <= now:
                last[name], following[name] = following[name], next(told[name])
        due = [
            silence.Due(council.id, one.source, name, one.interval * SECOND, last[name] * SECOND)
            for name in heard
            for one in [council.devices[name]]
        ]
        alarms += watch.look(due, {}, now * SECOND, listening=True).started
    assert alarms == []


def test_what_a_past_did_not_tell_on_change_is_heard_within_its_interval_after_a_pause() -> None:
    """`simulate` takes up the state of a backfill that ended fifty minutes ago, and fills the gap."""
    past = Simulation(estate(), seed=3, start=TERM_MONDAY, every=300)
    past.step(3_600)
    past.due(past.now)
    live = Simulation(estate(), seed=3, start=past.now + GAP_S)
    live.restore(past.state())
    live.step(GAP_S)
    heard = [due.time // SECOND for due in live.due(live.now) if due.device.id == "trv"]
    assert min(heard, default=live.now) - past.now <= estate().councils["sim"].devices["trv"].interval
