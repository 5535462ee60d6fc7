"""T19: silence becomes an alarm, a silent gateway one alarm, and nothing else an alarm. In simulated time."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import registry
from devices.decode import Decoder
from devices.message import Message, SourceConfig
from devices.model import Device, Estate
from devices.timestamps import SECOND
from ingest.fleet import Fleet
from ingest.journal import Journal
from ingest.lineprotocol import Tags
from ingest.receive import Kit
from ingest.session import Delivery
from ingest.silence import GRACE, Alarm, Due, Watch, listened
from tests.ingest.estates import NOW, device, estate

MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND


def due(name: str, since: int, *, interval: int = 60, source: str = "native") -> Due:
    return Due("sim-moor", source, name, interval * SECOND, since)


class Simulation:
    """Devices that send at their intervals with jitter, in simulated time, and the watch over them."""

    def __init__(self, devices: list[Due], *, jitter: float = 0.2, loss: float = 0.0, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.jitter, self.loss = jitter, loss
        self.devices = {each.device: each for each in devices}
        self.next = {each.device: NOW + int(self.chance.random() * each.interval) for each in devices}
        self.stopped: set[str] = set()
        self.watch = Watch()
        self.log: list[tuple[int, bool, Alarm]] = []
        self.now = NOW

    def run(self, seconds: int, *, step: int = 15, listening: bool = True) -> None:
        for _ in range(seconds // step):
            self.now += step * SECOND
            for name, one in self.devices.items():
                while (at := self.next[name]) <= self.now:
                    self.next[name] = at + int(one.interval * self.chance.uniform(1 - self.jitter, 1 + self.jitter))
                    if name not in self.stopped and listening and self.chance.random() >= self.loss:
                        self.devices[name] = one._replace(since=at)
            change = self.watch.look(self.devices.values(), {}, self.now, listening=listening)
            self.log += [(self.now, True, alarm) for alarm in change.started]
            self.log += [(self.now, False, alarm) for alarm in change.ended]

    def restart(self) -> None:
        self.watch = Watch.remembering(self.watch.memory())

    @property
    def raised(self) -> list[str]:
        return [alarm.device or alarm.source for _, started, alarm in self.log if started]


def fleet_of(sources: int, each: int, interval: int = 60) -> list[Due]:
    names = [(source, f"d{source}-{n}") for source in range(sources) for n in range(each)]
    return [due(name, 0, interval=interval, source=f"gw{source}") for source, name in names]


def test_ten_of_a_thousand_stop_and_nothing_else_is_an_alarm_in_a_day() -> None:
    simulated = Simulation(fleet_of(25, 40), loss=0.000_5)
    simulated.run(12 * 3_600, step=30)
    assert simulated.raised == []
    simulated.stopped = {f"d{n}-{n}" for n in range(10)}
    stop = simulated.now
    simulated.run(300, step=15)
    assert sorted(simulated.raised) == sorted(simulated.stopped)
    assert all(at - stop <= 3 * 60 * SECOND + 15 * SECOND for at, _, _ in simulated.log)
    simulated.run(12 * 3_600 - 300, step=30)
    assert len(simulated.log) == 10
    simulated.stopped = set()
    simulated.run(120)
    assert len(simulated.watch.alarms) == 0
    assert [started for _, started, _ in simulated.log] == [True] * 10 + [False] * 10


@pytest.mark.parametrize("seed", range(5))
def test_a_silent_gateway_is_one_alarm_and_its_return_none(seed: int) -> None:
    simulated = Simulation(fleet_of(5, 40), seed=seed, jitter=0.1)
    simulated.run(1_800)
    gone = {f"d3-{n}" for n in range(40)}
    simulated.stopped, stop = gone, simulated.now
    simulated.run(1_800)
    assert simulated.raised == ["gw3"]
    assert simulated.log[0][0] - stop <= 3 * 60 * SECOND + 15 * SECOND
    assert len(simulated.watch.covered()) == 40
    simulated.stopped = set()
    simulated.run(1_800)
    assert [(started, alarm.source) for _, started, alarm in simulated.log] == [(True, "gw3"), (False, "gw3")]


def test_a_gateway_whose_devices_have_different_intervals_is_one_alarm() -> None:
    devices = [due(f"plug{n}", 0, source="gw") for n in range(2)]
    devices += [due(f"bulb{n}", 0, interval=300, source="gw") for n in range(38)]
    simulated = Simulation(devices, jitter=0.05, seed=3)
    simulated.run(3_600)
    simulated.stopped = set(simulated.devices)
    simulated.run(3_600)
    assert simulated.raised == ["gw"]


def test_a_fast_device_among_slow_ones_is_itself_the_alarm() -> None:
    devices = [due("plug", 0, source="gw")] + [due(f"slow{n}", 0, interval=3_600, source="gw") for n in range(39)]
    simulated = Simulation(devices, seed=5)
    simulated.run(7_200, step=30)
    simulated.stopped = {"plug"}
    simulated.run(14_400, step=30)
    assert simulated.raised == ["plug"]


def test_what_was_silent_before_the_gateway_stays_its_own_alarm() -> None:
    simulated = Simulation(fleet_of(1, 10), seed=2, jitter=0.1)
    simulated.run(600)
    simulated.stopped = {"d0-0"}
    simulated.run(1_200)
    simulated.stopped = set(simulated.devices)
    simulated.run(1_200)
    assert simulated.raised == ["d0-0", "gw0"]
    assert [started for _, started, _ in simulated.log] == [True, True]


def test_an_absence_of_ingest_is_no_silence_of_devices() -> None:
    simulated = Simulation(fleet_of(5, 10))
    simulated.run(600)
    simulated.run(3_600, listening=False)
    simulated.run(600)
    simulated.run(3_600, step=1_800)  # suspended: two looks far apart
    simulated.run(600)
    assert simulated.raised == []


def test_an_alarm_survives_restarts_and_a_restart_makes_none() -> None:
    simulated = Simulation(fleet_of(2, 10))
    simulated.run(600)
    simulated.stopped = {"d0-1"}
    for _ in range(6):  # restarted oftener than the alarm needs
        simulated.run(60)
        simulated.restart()
        simulated.run(120, listening=False)
    simulated.run(60)
    assert set(simulated.raised) == {"d0-1"}


def test_a_device_that_was_never_heard_is_an_alarm_after_three_intervals() -> None:
    watch = Watch()
    for second in range(0, 181, 15):
        assert watch.look([due("a", 0)], {}, NOW + second * SECOND, listening=True).started == ()
    (alarm,) = watch.look([due("a", 0)], {}, NOW + 195 * SECOND, listening=True).started
    assert alarm.device == "a"
    assert alarm.text.startswith("sim-moor/a is silent since 2026-")


def test_a_bridge_that_says_it_is_offline_is_one_alarm_after_a_moment() -> None:
    watch = Watch()
    devices = [due(f"d{n}", NOW, source="bridge") for n in range(40)]
    offline = {("sim-moor", "bridge"): NOW}
    assert watch.look(devices, offline, NOW + GRACE, listening=True).started == ()
    (alarm,) = watch.look(devices, offline, NOW + GRACE + 1, listening=True).started
    assert "bridge with 40 devices says that it is offline" in alarm.text
    assert watch.look(devices, offline, NOW + GRACE + 20 * SECOND, listening=True).started == ()
    change = watch.look(devices, {}, NOW + GRACE + 40 * SECOND, listening=True)
    assert (change.started, len(change.ended)) == ((), 1)


def heard(fleet: Fleet, one: Device, at: int) -> None:
    fleet.note(one, at, own_time=True, presence=None)


def test_no_alarm_is_due_without_a_place_or_while_planned_to_be_absent() -> None:
    holiday = (NOW + HOUR, NOW + 5 * HOUR)
    away, ended = replace(device("away"), absences=(holiday,)), device("ended", end=NOW + HOUR)
    fleet = Fleet(estate(away, ended))
    heard(fleet, away, NOW)
    heard(fleet, ended, NOW)
    assert {each.device for each in fleet.due(NOW + MINUTE)} == {"away", "ended"}
    assert list(fleet.due(NOW + 2 * HOUR)) == []
    (back,) = fleet.due(NOW + 5 * HOUR)
    assert back.since == NOW + 5 * HOUR


def test_an_absence_is_written_as_from_and_to(tmp_path: Path) -> None:
    (tmp_path / "buildings").mkdir()
    (tmp_path / "council.yaml").write_text("id: moor\nname: Moor\ninvented: true\nclimate_station: edinburgh_rbge\n")
    (tmp_path / "buildings" / "hall.yaml").write_text(
        "name: Hall\nuse: office\ntm46: 1\nfloor_area_m2: 10\nlevels: {ground: Ground}\n"
    )
    head = "id,kind,model,interval,building,from,absent\n"
    (tmp_path / "devices.csv").write_text(
        head + "a,bulb,X,60,hall,2026-01-01,2026-07-01/2026-08-15 2026-12-21/2027-01-05\n"
    )
    (council,) = registry.load(tmp_path).councils.values()
    first, second = council.devices["a"].absences
    assert first == (1_782_860_400 * SECOND, 1_786_748_400 * SECOND)  # midnights of British Summer Time
    assert second == (1_797_811_200 * SECOND, 1_799_107_200 * SECOND)
    for wrong in ("2026-07-01", "2026-08-15/2026-07-01", "x/y"):
        (tmp_path / "devices.csv").write_text(head + f"a,bulb,X,60,hall,2026-01-01,{wrong}\n")
        with pytest.raises(registry.RegistryError, match=r"devices\.csv:2"):
            registry.load(tmp_path)


def gaps() -> st.SearchStrategy[list[tuple[int, int]]]:
    edges = st.lists(st.integers(0, 1_000), unique=True, max_size=12).map(sorted)
    return edges.map(lambda found: list(zip(found[::2], found[1::2], strict=False)))


@given(st.integers(0, 1_000), st.integers(0, 1_000), gaps())
def test_listened_counts_each_moment_outside_the_gaps_once(since: int, now: int, closed: list[tuple[int, int]]) -> None:
    expected = sum(not any(a <= at < b for a, b in closed) for at in range(since, now))
    assert listened(since, now, closed) == expected


async def test_a_bridge_is_heard_to_go_and_to_come_back(tmp_path: Path) -> None:
    known = estate(device("a"))
    (council,) = known.councils.values()
    bridge = SourceConfig("bridge", council.id, "zigbee2mqtt", "zigbee2mqtt/hall")
    known = Estate({council.id: replace(council, sources={**council.sources, "bridge": bridge})})
    made = Journal(tmp_path, max_bytes=2**20, keep_packets=9, quarantine_bytes=2**20, quarantine_age=2**62)
    async with made:
        kit = Kit(Decoder(known), Tags(known), Fleet(known), made)
        state = [b'{"state":"offline"}', b'{"state":"offline"}', b'{"state":"online"}']
        said = [Message("zigbee2mqtt/hall/bridge/state", body, NOW + n) for n, body in enumerate(state)]
        for message, offline in zip(said, ({("sim-moor", "bridge"): NOW},) * 2 + ({},), strict=True):
            entry = kit.digest_live([Delivery(message, 0, False)])
            assert entry.tally["refused", "presence"] == 1
            assert kit.fleet.offline == offline
