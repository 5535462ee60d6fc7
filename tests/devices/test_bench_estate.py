"""Unknown devices are found, adopted and replaced; the estate stays sound, and its other lines as they are."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from devices.adopt import Wish, adopt
from devices.check import check
from devices.decode import Decoder
from devices.estate.change import ChangeError, apply
from devices.message import Message
from devices.model import DeviceKind
from devices.registry import RegistryError, load
from devices.replace import Swap, replace_device
from devices.strangers import choose, find, interval, kind_of

START = 1_790_000_000 * 10**9  # 2026-09-21T14:13:20Z
MINUTE = 60 * 10**9
COUNCIL = """\
# the council of the moor
id: moor
name: Moor Council
invented: true
climate_station: leuchars
sources:
  - {id: hall-z2m, format: zigbee2mqtt, topic: z2m/hall, building: hall}  # in the loft
"""
HALL = """\
name: Moor Hall
use: village hall
tm46: 18
floor_area_m2: 200
levels: {ground: Ground floor}
spaces:
  - {id: hall, name: Hall, level: ground, use: hall, area_m2: 120, capacity: 80}
meters:
  - {id: electricity-main, utility: electricity}
"""
DEVICES = """\
id,kind,model,source,address,interval,building,space,meter,opening_register,from,to
meter-1,electricity_meter,Acme E1,,,60,hall,,electricity-main,1204.5,2026-01-01,
air-1,room_sensor,"Acme, air",,,60,hall,hall,,,2026-01-01,
"""
IN_YAML = """\
# in the order of the tour
devices:
  - id: meter-1          # in the cupboard
    kind: electricity_meter
    model: Acme E1
    interval: 60
    assignments:
      - building: hall
        meter: electricity-main
        opening_register: 1204.5
        from: 2026-01-01
  - id: air-1
    kind: room_sensor
    model: Acme air
    interval: 60s
    assignments:
      - {building: hall, space: hall, from: 2026-01-01}   # on the stage
"""


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    folder = tmp_path / "estate"
    (folder / "buildings").mkdir(parents=True)
    (folder / "council.yaml").write_text(COUNCIL)
    (folder / "buildings" / "hall.yaml").write_text(HALL)
    (folder / "devices.csv").write_text(DEVICES)
    return folder


@pytest.fixture
def in_yaml(estate: Path) -> Path:
    (estate / "devices.csv").unlink()
    (estate / "devices.yaml").write_text(IN_YAML)
    return estate


def shelly(number: int) -> Message:
    """NotifyStatus of a Shelly Plus Plug S, as the maker documents it: Gen2 notifications, component Switch."""
    at = START + number * MINUTE
    body = {
        "src": "shellyplusplugs-a8032ab11964",
        "dst": "shellyplusplugs-a8032ab11964/events",
        "method": "NotifyStatus",
        "params": {
            "ts": at / 10**9 - 2,
            "switch:0": {"id": 0, "output": True, "apower": 84.2, "voltage": 234.1, "aenergy": {"total": 12_345.678}},
        },
    }
    return Message("shellyplusplugs-a8032ab11964/events/rpc", json.dumps(body).encode(), at)


def uplink(number: int, device: str = "24e124710b1a2c3d") -> Message:
    """An uplink of The Things Stack; the frame is the example of Milesight's AM107 in the device repository."""
    body = {
        "end_device_ids": {"device_id": "stage-air", "dev_eui": device.upper()},
        "uplink_message": {
            "f_port": 85,
            "f_cnt": number,
            "frm_payload": "AXVcA2c0AQRoZQVqSQA=",
            "received_at": "2026-09-21T14:13:18Z",
            "version_ids": {"brand_id": "milesight-iot", "model_id": "am107"},
        },
    }
    return Message("v3/moor@ttn/devices/stage-air/up", json.dumps(body).encode(), START + number * 10 * MINUTE)


def test_a_shelly_that_no_source_claims_is_found_with_all_that_adopting_needs(estate: Path) -> None:
    (found,) = find(load(estate), [shelly(number) for number in range(5)])
    assert (found.format, found.source, found.base) == ("shelly2", "", "")
    assert (found.address, found.model) == ("shellyplusplugs-a8032ab11964", "Shelly shellyplusplugs")
    assert (found.kind, found.interval, found.messages) == (DeviceKind.SMART_PLUG, 60, 5)
    assert found.fields == ("electricity_import", "power", "switched", "voltage")
    assert found.since == START - 2 * 10**9


def test_an_uplink_is_found_by_its_own_names(estate: Path) -> None:
    (found,) = find(load(estate), [uplink(number) for number in range(4)])
    assert (found.format, found.base, found.address) == ("thethingsstack", "v3", "24e124710b1a2c3d")
    assert (found.model, found.kind, found.interval) == ("Milesight AM107", DeviceKind.ROOM_SENSOR, 600)
    assert found.fields == ("battery", "humidity", "temperature")


def test_a_bridge_describes_the_device_that_the_registry_lacks(estate: Path) -> None:
    described = [
        {
            "friendly_name": "stage/door",
            "ieee_address": "0x1",
            "definition": {
                "vendor": "Aqara",
                "model": "MCCGQ11LM",
                "exposes": [
                    {
                        "type": "binary",
                        "name": "contact",
                        "property": "contact",
                        "access": 1,
                        "value_on": False,
                        "value_off": True,
                    }
                ],
            },
        }
    ]
    messages = [
        Message("z2m/hall/stage/door", b'{"contact":false}', START),
        Message("z2m/hall/bridge/devices", json.dumps(described).encode(), START + 1, True),
    ]
    (found,) = find(load(estate), messages)
    assert (found.source, found.address, found.model) == ("moor/hall-z2m", "stage/door", "Aqara MCCGQ11LM")
    assert (found.kind, found.fields) == (DeviceKind.DOOR_CONTACT, ("open",))


def test_senml_is_found_on_any_topic(estate: Path) -> None:
    """The pack is the first example of RFC 8428, section 5.1.1."""
    pack = b'[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]'
    (found,) = find(load(estate), [Message("site/packs/7", pack, START)])
    assert (found.format, found.base, found.address) == ("senml", "site/packs", "urn:dev:ow:10e2073a01080063")
    assert found.fields == ("temperature",)


def test_known_devices_are_not_strangers_and_unreadable_topics_are(estate: Path) -> None:
    known = Message("tolbooth/v1/moor/hall/air-1/readings", b'{"temperature": 20}', START)
    other = Message("acme/env/7", b"21.5\x1b[2J", START)
    (found,) = find(load(estate), [known, other])
    assert (found.format, found.topic, found.payload) == ("", "acme/env/7", "21.5\\x1b[2J")


@pytest.mark.parametrize(
    ("gaps", "seconds"),
    [([60], None), ([60, 61, 59, 60], 60), ([598, 604, 1200, 601], 600), ([0.2, 59.8, 0.2, 60.1], 60), ([7, 7, 8], 7)],
)
def test_the_interval_is_the_median_gap(gaps: list[float], seconds: int | None) -> None:
    arrivals = [START]
    for gap in gaps:
        arrivals.append(arrivals[-1] + round(gap * 10**9))
    assert interval(arrivals) == seconds


def test_a_kind_is_told_by_what_it_sends() -> None:
    assert kind_of(frozenset({"electricity_import", "power"})) is DeviceKind.ELECTRICITY_METER
    assert kind_of(frozenset({"temperature", "valve_position"})) is DeviceKind.RADIATOR_THERMOSTAT
    assert kind_of(frozenset({"battery"})) is DeviceKind.OTHER


def test_adopting_lists_source_and_device_and_changes_nothing_else(estate: Path) -> None:
    messages = [shelly(number) for number in range(5)]
    done = adopt(estate, choose(find(load(estate), messages), "B11964"), Wish("hall", "hall", id="kettle"))
    assert (estate / "council.yaml").read_text() == COUNCIL + "  - {id: shelly2, format: shelly2}\n"
    row = "kettle,smart_plug,Shelly shellyplusplugs,shelly2,shellyplusplugs-a8032ab11964,60,hall,hall,,,"
    assert (estate / "devices.csv").read_text() == f"{DEVICES}{row}2026-09-21T14:13:18Z,\n"
    assert (done.device, done.source, done.new_source) == ("kettle", "shelly2", True)
    assert check(estate) == []
    outcome = Decoder(load(estate)).decode(messages[0])
    assert {reading.field.name: reading.value for reading in outcome.placed[0].readings} == {
        "switched": 1.0,
        "power": 84.2,
        "voltage": 234.1,
        "electricity_import": pytest.approx(12.345678),
    }
    assert find(load(estate), messages) == []


def test_adopting_into_yaml(in_yaml: Path) -> None:
    messages = [uplink(number) for number in range(4)]
    done = adopt(in_yaml, choose(find(load(in_yaml), messages), "24E124710B1A2C3D"), Wish("moor/hall", "hall"))
    assert (in_yaml / "devices.yaml").read_text() == IN_YAML + (
        "  - id: 24e124710b1a2c3d\n    kind: room_sensor\n    model: Milesight AM107\n    source: thethingsstack\n"
        "    address: 24e124710b1a2c3d\n    interval: 600\n    assignments:\n"
        "      - {building: hall, space: hall, from: 2026-09-21T14:13:18Z}\n"
    )
    assert done.new_source
    assert check(in_yaml) == []


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Wish("barn"), "no council has a building 'barn': name one of hall"),
        (Wish("hall", kind="toaster"), "unknown kind 'toaster'"),
        (Wish("hall", start="yesterday"), "--from: 'yesterday' is no date or time"),
    ],
)
def test_what_is_missing_is_said(estate: Path, wish: Wish, says: str) -> None:
    found = choose(find(load(estate), [shelly(number) for number in range(5)]), "a8032ab11964")
    with pytest.raises(ChangeError, match=says):
        adopt(estate, found, wish)
    with pytest.raises(ChangeError, match="too few to measure an interval: give it with --interval"):
        adopt(estate, replace(found, interval=None), Wish("hall"))
    with pytest.raises(ChangeError, match="names its model: give it with --model"):
        adopt(estate, replace(found, model=""), Wish("hall"))


def test_an_estate_that_would_not_be_sound_is_left_alone(estate: Path) -> None:
    found = choose(find(load(estate), [shelly(number) for number in range(5)]), "a8032ab11964")
    with pytest.raises(RegistryError, match=r"unknown space 'hal' in hall: did you mean 'hall'\?") as error:
        adopt(estate, found, Wish("hall", "hal"))
    assert str(estate) in str(error.value)
    assert (estate / "council.yaml").read_text() == COUNCIL
    assert (estate / "devices.csv").read_text() == DEVICES
    assert sorted(path.name for path in estate.iterdir()) == ["buildings", "council.yaml", "devices.csv"]


def test_who_is_not_there_or_ambiguous_is_said(estate: Path) -> None:
    strangers = find(load(estate), [uplink(1, "24e124710b1a2c3d"), uplink(2, "24e124710b1a2cff"), shelly(1)])
    with pytest.raises(ChangeError, match="nobody unknown was heard as '24e124710b1a2c3e': did you mean"):
        choose(strangers, "24e124710b1a2c3e")
    with pytest.raises(ChangeError, match=r"'' may be .*, .*write the whole address"):
        choose(strangers, "", "thethingsstack")


def test_a_meter_is_replaced_with_its_opening_register(estate: Path) -> None:
    replace_device(estate, Swap("meter-1", "meter-2", "2026-09-21T10:00:00Z", opening_register="3.25", model="Acme E2"))
    assert (estate / "devices.csv").read_text() == DEVICES.replace(
        "1204.5,2026-01-01,\n",
        "1204.5,2026-01-01,2026-09-21T10:00:00Z\n"
        "meter-2,electricity_meter,Acme E2,,,60,hall,,electricity-main,3.25,2026-09-21T10:00:00Z,\n",
    )
    devices = load(estate).councils["moor"].devices
    assert devices["meter-1"].assignments[0].end == devices["meter-2"].assignments[0].start == 1_789_984_800 * 10**9
    assert devices["meter-2"].assignments[0].opening_register == 3.25


def test_a_device_is_replaced_in_yaml(in_yaml: Path) -> None:
    replace_device(in_yaml, Swap("meter-1", "meter-2", "2026-09-21", opening_register="0"))
    assert (in_yaml / "devices.yaml").read_text() == IN_YAML.replace(
        "        from: 2026-01-01\n  - id: air-1\n",
        "        from: 2026-01-01\n        to: 2026-09-21\n"
        "  - id: meter-2\n    kind: electricity_meter\n    model: Acme E1\n    interval: 60\n    assignments:\n"
        "      - building: hall\n        meter: electricity-main\n        opening_register: 0\n"
        "        from: 2026-09-21\n"
        "  - id: air-1\n",
    )
    replace_device(in_yaml, Swap("air-1", "air-2", "2026-09-21"))
    assert (
        "      - {building: hall, space: hall, from: 2026-01-01, to: 2026-09-21}   # on the stage\n"
        in (in_yaml / "devices.yaml").read_text()
    )
    assert check(in_yaml) == []


@pytest.mark.parametrize(
    ("swap", "error", "says"),
    [
        (Swap("meter-9", "meter-2", "2026-09-21"), ChangeError, "no council has a device 'meter-9'"),
        (Swap("meter-1", "meter-1", "2026-09-21"), ChangeError, "give it its own id"),
        (Swap("meter-1", "meter-2", "2025-09-21"), ChangeError, "meter-1 has no assignment that 2025-09-21 would end"),
        (Swap("meter-1", "meter-2", "soon"), ChangeError, "--at: 'soon' is no date or time"),
        (Swap("meter-1", "m", "2026-09-21", source="hall-z2m"), ChangeError, "needs an address in hall-z2m"),
        (Swap("air-1", "air-2", "2026-09-21", opening_register="1"), ChangeError, "measures no meter"),
        (Swap("meter-1", "air-1", "2026-09-21"), RegistryError, "the device 'air-1' has another kind"),
        (Swap("meter-1", "Meter 2", "2026-09-21"), RegistryError, "'Meter 2' is no id"),
    ],
)
def test_what_cannot_be_replaced_is_left_alone(estate: Path, swap: Swap, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        replace_device(estate, swap)
    assert (estate / "devices.csv").read_text() == DEVICES


def test_of_several_councils_one_is_named(estate: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    for name in ("moor", "muir"):
        shutil.copytree(estate, both / name)
    council = (both / "muir" / "council.yaml").read_text()
    (both / "muir" / "council.yaml").write_text(council.replace("moor", "muir"))
    with pytest.raises(ChangeError, match="name one of moor/meter-1, muir/meter-1"):
        replace_device(both, Swap("meter-1", "meter-2", "2026-09-21"))
    replace_device(both, Swap("muir/meter-1", "meter-2", "2026-09-21"))
    assert "meter-2" in load(both).councils["muir"].devices
    assert "meter-2" not in load(both).councils["moor"].devices


def test_a_change_that_would_read_otherwise_than_meant_is_not_made(estate: Path) -> None:
    with pytest.raises(ChangeError, match="cannot be changed safely: make the change by hand"):
        apply(estate, {estate / "devices.csv": DEVICES.replace("air-1", "air-2")}, lambda after: after == load(estate))
    assert (estate / "devices.csv").read_text() == DEVICES
