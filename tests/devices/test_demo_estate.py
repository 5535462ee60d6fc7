"""The demo council: sound, plainly invented, and equipped as the simulators and dashboards need it."""

import csv
from collections import Counter
from pathlib import Path

import pytest

import simulators
from devices.check import check
from devices.model import Building, Council, Device, DeviceKind, Utility
from devices.registry import load
from devices.timestamps import FOREVER

ESTATE = Path(simulators.__file__).parent / "estate"


@pytest.fixture(scope="module")
def council() -> Council:
    return load(ESTATE).councils["sim-kirkbrae"]


def _current(device: Device) -> tuple[str, str]:
    last = device.assignments[-1]
    return last.building, last.space


def test_it_is_sound() -> None:
    assert check(ESTATE) == []


def test_it_loads_alone_as_it_does_among_others(council: Council) -> None:
    assert load(ESTATE / "sim-kirkbrae").councils == {"sim-kirkbrae": council}


def test_it_is_plainly_invented(council: Council) -> None:
    assert council.gss == ""
    assert all(building.uprn == "" for building in council.buildings.values())
    for ids in (council.buildings, council.devices, [council.id]):
        assert all(each.startswith("sim-") for each in ids)


def test_size(council: Council) -> None:
    assert set(council.buildings) == {
        "sim-town-hall",
        "sim-primary-school",
        "sim-secondary-school",
        "sim-library",
        "sim-leisure-centre",
        "sim-care-home",
        "sim-depot",
        "sim-community-centre",
        "sim-nursery",
    }
    assert 440 <= len(council.devices) <= 600
    kinds = Counter(device.kind for device in council.devices.values())
    assert kinds[DeviceKind.WEATHER_STATION] == 1
    assert min(kinds[DeviceKind.RADIATOR_THERMOSTAT], kinds[DeviceKind.BULB], kinds[DeviceKind.ROOM_SENSOR]) > 100


def test_ids_and_addresses_are_unique(council: Council) -> None:
    with (ESTATE / "sim-kirkbrae" / "devices.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["id"] for row in rows} == set(council.devices)
    addresses = Counter((device.source, device.address) for device in council.devices.values())
    assert max(addresses.values()) == 1


def test_zigbee_devices_are_on_the_gateway_of_their_building(council: Council) -> None:
    for device in council.devices.values():
        source = council.sources[device.source]
        if source.format == "zigbee2mqtt":
            assert source.topic == f"zigbee2mqtt/{source.building}"
            assert {each.building for each in device.assignments} == {source.building}


def test_thermostats_and_bulbs_are_in_spaces(council: Council) -> None:
    for device in council.devices.values():
        if device.kind in {DeviceKind.RADIATOR_THERMOSTAT, DeviceKind.BULB}:
            assert all(each.space and each.level for each in device.assignments), device.id


def test_every_space_that_people_use_is_sensed(council: Council) -> None:
    sensed = {_current(device) for device in council.devices.values() if device.kind == DeviceKind.ROOM_SENSOR}
    used = {(b.id, s.id) for b in council.buildings.values() for s in b.spaces.values() if s.capacity > 2}
    assert used <= sensed


def test_many_spaces_have_light_and_air_together(council: Council) -> None:
    kinds: dict[tuple[str, str], set[str]] = {}
    for device in council.devices.values():
        kinds.setdefault(_current(device), set()).add(device.model)
    together = [space for space, models in kinds.items() if {"IKEA LED1545G12", "Tolbooth room-sensor"} <= models]
    assert len(together) > 80


def _mains(building: Building) -> set[Utility]:
    return {meter.utility for meter in building.meters.values() if not meter.parent}


def test_every_building_has_mains_electricity_and_metered_heating(council: Council) -> None:
    for building in council.buildings.values():
        assert Utility.ELECTRICITY in _mains(building)
        assert _mains(building) & {Utility.GAS, Utility.HEAT} or building.meters["heat-heat-pump"]
    heated = [b.id for b in council.buildings.values() if any(m.utility == Utility.HEAT for m in b.meters.values())]
    assert len(heated) >= 2


def test_every_building_counts_people_at_a_main_entrance(council: Council) -> None:
    counters = [_current(device) for device in council.devices.values() if device.kind == DeviceKind.PEOPLE_COUNTER]
    assert {building for building, _ in counters} == set(council.buildings)
    assert {council.buildings[building].spaces[space].use for building, space in counters} == {"entrance"}


def test_a_meter_was_swapped_and_a_plug_moved(council: Council) -> None:
    old, new = (council.devices[f"sim-dep-electricity-main-{n}"].assignments[0] for n in (1, 2))
    assert old.end == new.start == 1_770_595_200_000_000_000  # 2026-02-09 00:00 in Europe/London, GMT
    assert (old.meter, new.meter, new.opening_register) == ("electricity-main", "electricity-main", 0.0)
    there, here = council.devices["sim-th-finance-plug-3"].assignments
    assert there.end == here.start == 1_779_058_800_000_000_000  # 2026-05-18 00:00 in Europe/London, BST
    assert (there.space, here.space, here.end) == ("finance", "digital", FOREVER)


def test_files_name_their_schema() -> None:
    for path in (ESTATE / "sim-kirkbrae").rglob("*.yaml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        schema = path.parent / first.removeprefix("# yaml-language-server: $schema=")
        assert schema.resolve().is_file(), path
