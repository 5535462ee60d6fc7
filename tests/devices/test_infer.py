"""What the values of unknown payloads mean: nothing that is called sure is wrong, on what makers' decoders really make.

The truth is that of the device models, which were written from the makers' documents and checked by their examples.
"""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import tolbooth
from devices import propose_source
from devices.devicemodel import find
from devices.estate.change import ChangeError
from devices.infer import Confidence, infer
from devices.modelfile import EXAMPLES, MAKER_FILE, MakerFile, ModelFile, read
from devices.propose import draft, read_payloads, write
from devices.propose_source import propose, read_lines
from devices.schema import BY_NAME, Kind

MODELS = Path(str(files("devices"))) / "models"
AIR = [
    {"ts": 1_790_000_000 + 60 * n, "dev_eui": "0004A30B00000001", "temp": 21.4 + n / 10, "hum": 44, "co2": 612 + n}
    | {"batt_mv": 3012 - n, "door": door, "energy_kwh": 12.1 + n, "power_w": 8, "fw": "1.2", "x": 7, "battery": 88}
    for n, door in enumerate(("open", "closed", "closed"))
]


def examples() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Model and decoded objects of each maker's examples, alone and together."""
    for path in sorted(MODELS.glob(f"*/*{EXAMPLES}")):
        slug = path.name.removesuffix(EXAMPLES)
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        objects = [row["decoded"] for row in rows if isinstance(row.get("decoded"), dict)]
        name = f"{path.parent.name}/{'unlisted' if slug == 'maker' else slug}"
        yield from ((name, [each]) for each in objects)
        if len(objects) > 1:
            yield name, objects


def test_what_is_sure_is_right_on_every_makers_payloads() -> None:
    sure = 0
    for name, objects in examples():
        model = find(name)
        assert model is not None
        for meant in infer(objects).fields:
            if meant.confidence is not Confidence.SURE:
                continue
            found = model.rule(meant.key)
            assert found is not None, f"{name}: {meant.key} is stored as {meant.field}, and the model does not store it"
            rule, _ = found
            stored = BY_NAME[meant.field].unit
            assert (rule.field, rule.unit or stored) == (meant.field, _plain(meant.unit, stored)), f"{name}: {meant}"
            sure += 1
    assert sure > 120


def _plain(unit: str, stored: str) -> str:
    """`%` is how senders write the schema's units of a percentage."""
    return stored if unit in ("", "%") else unit


def test_each_value_is_judged_with_reasons() -> None:
    found = infer(AIR)
    by_key = {each.key: each for each in found.fields}
    assert {key: (each.field, each.unit, each.confidence.value) for key, each in by_key.items()} == {
        "temp": ("temperature", "", "sure"),
        "hum": ("humidity", "", "sure"),
        "co2": ("co2", "", "sure"),
        "batt_mv": ("battery_voltage", "mV", "sure"),
        "door": ("open", "", "sure"),
        "energy_kwh": ("electricity_import", "", "sure"),
        "power_w": ("power", "", "sure"),
    }
    assert by_key["door"].states == {"open": 1, "opened": 1, "close": 0, "closed": 0}
    assert by_key["batt_mv"].example == pytest.approx(3.010)
    assert "it only grows, as a register does" in by_key["energy_kwh"].reasons
    assert "humidity or CO2 stands beside it, so it is the air's" in by_key["temp"].reasons
    assert (found.time, found.identity, found.address) == (("ts", "s"), "dev_eui", "0004a30b00000001")
    assert [key for key, _ in found.ignored] == ["fw"]
    asked = {each.key: each.asks for each in found.questions}
    assert asked["battery"] == "is it a charge in percent, V or mV?"
    assert asked["x"] == "what does it measure, and in which unit?"


@pytest.mark.parametrize(
    ("stamp", "unit"),
    [
        (1_795_507_200, "s"),
        ("1795507200", "s"),
        (1_795_507_200_123, "ms"),
        (1_795_507_200_123_456, "us"),
        (1_795_507_200_123_456_789, "ns"),
        ("2026-11-24T08:00:00Z", "RFC 3339"),
        ("2026-11-24 08:00:00", "local"),
    ],
)
def test_a_clock_is_what_a_source_reads_as_one(stamp: object, unit: str) -> None:
    """All of them are 2026-11-24T08:00:00Z, the units' fractions aside."""
    assert infer([{"ts": stamp, "temp": 20.1, "hum": 40}]).time == ("ts", unit)


def test_a_clock_that_nobody_has_set_is_none() -> None:
    """2016, which a source refuses: it is asked about, and the rest is read by the time of arrival."""
    found, listed = propose(read_lines(b'site/plant/ahu1 {"ts": 1451606400, "temp": 20.1, "hum": 40}'))
    assert listed is not None
    assert "time" not in yaml.safe_load(listed.source)[0]
    assert [question.key for question in found.questions] == ["ts"]


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ({"temperature": 71.2, "humidity": 40}, "temperature"),  # plainly °F
        ({"temperature": 215, "humidity": 40}, "temperature"),  # tenths
        ({"humidity": 0.44}, "humidity"),  # a ratio
        ({"power": 1.2}, "power"),  # W or kW
        ({"voltage": 3.6}, "voltage"),  # a battery's, or the mains'
        ({"energy": 12.5}, "energy"),
        ({"contact": True}, "contact"),  # devices disagree whether true is closed
        ({"door": True}, "door"),
        ({"internal_temperature": 30.1}, "internal_temperature"),
        ({"temperature_max": 30.1, "humidity": 44}, "temperature_max"),
        ({"energy_today_kwh": 3.1}, "energy_today_kwh"),
        ({"heat_energy_kwh": 3.1}, "heat_energy_kwh"),
        ({"battery_level": 4}, "battery_level"),
        ({"temp_1": 21.0, "temp_2": 22.0, "humidity": 40}, "temp_1"),
    ],
)
def test_what_may_be_two_things_is_asked(payload: dict[str, Any], key: str) -> None:
    found = infer([payload])
    assert key in {each.key for each in found.questions}
    assert key not in {each.key for each in found.fields}


def test_a_register_that_falls_is_none() -> None:
    found = infer([{"electricity_kwh": value, "energy_kwh": value, "power_w": 1} for value in (5.0, 6.0, 1.0)])
    assert "energy_kwh" in {each.key for each in found.questions}
    once = infer([{"energy_kwh": 5.0, "power_w": 1}])
    assert {each.key: each.confidence for each in once.fields}["energy_kwh"] is Confidence.LIKELY


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["temp", "humidity", "co2", "battery_v", "door", "energy_kwh", "time", "id", "occupancy", "pm2_5"]
)


@given(st.lists(st.dictionaries(NAMES | st.text(max_size=12), JSON, max_size=8), max_size=4))
def test_no_payload_breaks_it_and_states_are_states(payloads: list[dict[str, Any]]) -> None:
    for each in infer(payloads).fields:
        field = BY_NAME[each.field]
        assert field.low <= each.example <= field.high
        assert field.kind is not Kind.STATE or each.example in (0.0, 1.0)


def test_the_files_are_a_model_that_reads_the_payloads(tmp_path: Path) -> None:
    made = draft(infer(AIR), AIR, maker="Acme", model="Air One", source="by hand")
    paths = write(made, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "acme/maker.yaml",
        "acme/air-one.yaml",
        "acme/air-one.examples.yaml",
    ]
    assert read(MakerFile, tmp_path / "acme" / MAKER_FILE).maker == "Acme"
    model = read(ModelFile, tmp_path / "acme" / "air-one.yaml")
    assert model.fields["batt_mv"].unit == "mV"
    assert model.time is not None
    assert model.time.key == "ts"
    (example,) = yaml.safe_load(made.examples)
    assert example["expect"] == {
        "temperature": 21.6,
        "humidity": 44.0,
        "co2": 614.0,
        "battery_voltage": 3.01,
        "open": 0.0,
        "electricity_import": 14.1,
        "power": 8.0,
    }
    assert made.row.splitlines()[1].startswith("0004a30b00000001,door_contact,Acme Air One,,0004a30b00000001,")
    with pytest.raises(ChangeError, match="is there already"):
        write(made, tmp_path)


def test_uplinks_are_judged_by_what_the_decoder_made() -> None:
    body = {"end_device_ids": {"dev_eui": "0004A30B00000001"}, "uplink_message": {"decoded_payload": {"co2": 612}}}
    found = infer([body])
    assert [each.field for each in found.fields] == ["co2"]
    assert found.address == "0004a30b00000001"


@pytest.mark.parametrize(
    ("text", "says"),
    [(b"", "no payload was given"), (b'{"a":1}\n{', "line 2 is not JSON"), (b"[1]", "line 1 is no JSON object")],
)
def test_what_is_no_payload_is_named(text: bytes, says: str) -> None:
    with pytest.raises(ChangeError, match=says):
        read_payloads(text)


def test_the_command_proposes_and_writes_only_after_a_yes(tmp_path: Path) -> None:
    line = '{"topic": "acme/7", "payload": "{\\"co2\\": 612, \\"hum\\": 44}"}\n'
    options = ["devices", "infer", "-", "--maker", "Acme", "--model", "Air One", "--write", "--into", str(tmp_path)]
    no = CliRunner().invoke(tolbooth.app, options, input=line)
    assert no.exit_code == 1
    assert list(tmp_path.iterdir()) == []
    yes = CliRunner().invoke(tolbooth.app, [*options, "--yes"], input=line)
    assert yes.exit_code == 0, yes.output
    assert "co2 is co2, a gauge: 612 ppm" in yes.output
    assert (tmp_path / "acme" / "air-one.yaml").is_file()


PLANT = b"""\
site/plant/ahu1/state {"time": "2026-11-24 08:00:00", "temp": 21.3, "hum": 40, "power_kw": 3.2, "x": 7}
site/plant/ahu2/state {"time": "2026-11-24 08:00:00", "temp": 20.1, "hum": 43, "power_kw": 2.9, "x": 7}
"""
SINGLE = b"""\
site/hall/ahu1/temp 21.3
site/hall/ahu1/hum 40
site/hall/ahu1/meter/energy_kwh {"value": 1210.5, "ts": 1795507200}
site/hall/ahu2/temp 20.9
"""


def test_a_source_is_proposed_from_topics_and_objects() -> None:
    found, listed = propose(read_lines(PLANT))
    assert listed is not None
    (item,) = yaml.safe_load(listed.source)
    assert item == {
        "id": "plant",
        "format": "json",
        "topic": "site/plant/{device}/state",
        "time": {"key": "time", "unit": "local"},
        "fields": {
            "temp": "temperature",
            "hum": "humidity",
            "power_kw": {"field": "power", "unit": "kW"},
        },
    }
    assert [line.split(",")[4] for line in listed.rows.splitlines()[1:]] == ["ahu1", "ahu2"]
    assert [question.key for question in found.questions] == ["x"]


def test_a_source_is_proposed_from_one_value_a_topic() -> None:
    found, listed = propose(read_lines(SINGLE))
    assert listed is not None
    (item,) = yaml.safe_load(listed.source)
    assert item["topic"] == "site/hall/{device}/{key}"
    assert item["time"] == {"key": "ts", "unit": "s"}
    assert item["fields"] == {"temp": "temperature", "hum": "humidity", "meter.energy_kwh": "electricity_import"}
    assert found.payloads == 2


def test_lines_may_come_in_any_order() -> None:
    """The last value that a device's lines make together need not be that of the last line."""
    found, listed = propose(
        read_lines(b"ahu1/hum 40\nahu2/temp 20\nahu1/temp 21\nahu2/hum 41\n".replace(b"ahu", b"hall/ahu"))
    )
    assert listed is not None
    (item,) = yaml.safe_load(listed.source)
    assert item["fields"] == {"hum": "humidity", "temp": "temperature"}
    assert {each.field for each in found.fields} == {"humidity", "temperature"}


def test_a_source_that_council_yaml_refuses_is_not_proposed() -> None:
    with pytest.raises(ChangeError, match=r"'topic' of the source would be refused.*: write the source by hand"):
        propose(read_lines(b'site/%s/ahu1 {"temp": 21.3, "hum": 40}' % b"/".join([b"x"] * 100)))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"site/plant/ahu1", "line 1 is not a topic, a blank and a payload"),
        (b"\nahu1 21.3", "line 2 is not a topic"),
        (b"site/\xff 21.3", "line 1 is not UTF-8"),
        (b'a/b {"temp": 1}\na/b/c {"temp": 1}', "of different length"),
        (b'a/b {"temp": 1}\na/b 3', "some are single values"),
        (b'a/x {"temp": 21}\nb/x {"temp": 21}', "begin with a level that is fixed"),
        (b"a/temp 21.3", "begin with a level that is fixed"),
    ],
)
def test_lines_of_no_one_shape_are_told(text: bytes, fault: str) -> None:
    with pytest.raises(ChangeError, match=fault):
        propose(read_lines(text))


def test_a_source_that_would_read_otherwise_is_not_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"fields": {"temp": {"field": "temperature", "scale": 0.1}, "hum": "humidity"}}
    monkeypatch.setattr(propose_source, "keys", lambda found: wrong)
    with pytest.raises(ChangeError, match=r"temp would not be read as 20\.9: write the source by hand"):
        propose(read_lines(SINGLE))
