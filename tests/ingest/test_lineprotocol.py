"""Lines that every generation of InfluxDB reads as what was meant, whatever the registry and devices write (S6)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.decode import Placed
from devices.message import Reading, TimeSource
from devices.schema import BY_NAME, FIELDS, TAGS
from ingest.lineprotocol import MAX_TAG, Tags, escape_tag, lines
from tests.ingest.estates import NOW, device, estate

READINGS = st.builds(
    Reading,
    st.sampled_from(FIELDS),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20) | st.sampled_from(["", "l1", "a b,c=d\n", "\\", '"', "\0", "\u202e"]),
)


def parse(line: str) -> tuple[str, dict[str, str], dict[str, float], int]:
    """Line protocol as InfluxDB's own reference gives it: backslash escapes comma, space and equals sign."""
    head, fields, time = re.split(r"(?<!\\) ", line)
    measurement, *tags = re.split(r"(?<!\\),", head)
    pairs = (re.split(r"(?<!\\)=", tag) for tag in tags)
    values = (re.split(r"(?<!\\)=", each) for each in re.split(r"(?<!\\),", fields))
    unescape = re.compile(r"\\([,= ])").sub
    return (
        measurement,
        {key: unescape(r"\1", value) for key, value in pairs},
        {key: float(value) for key, value in values},
        int(time),
    )


def placed(*readings: Reading, name: str = "a", model: str = "m", meter: str = "") -> tuple[list[Placed], Tags]:
    known = device(name, model=model, meter=meter)
    sample = Placed(known, known.assignments[0], NOW, TimeSource.ARRIVAL, list(readings))
    return [sample], Tags(estate(known))


def test_one_line_for_each_measurement() -> None:
    made = placed(
        Reading(BY_NAME["temperature"], 20.5), Reading(BY_NAME["co2"], 700.0), Reading(BY_NAME["humidity"], 45.0)
    )
    tags = ",building=sim-hall,council=sim-moor,device=a,level=ground,model=m,space=room"
    assert lines(*made) == [
        f"climate{tags} temperature_c=20.5,humidity_pct=45.0 {NOW}",
        f"air{tags} co2_ppm=700.0 {NOW}",
    ]


def test_one_line_for_each_channel() -> None:
    made = placed(*(Reading(BY_NAME["power"], float(n), channel) for n, channel in enumerate(("", "l1", "l2"))))
    rest = "council=sim-moor,device=a,level=ground,model=m,space=room"
    assert lines(*made) == [
        f"power,building=sim-hall,{rest} power_w=0.0 {NOW}",
        f"power,building=sim-hall,channel=l1,{rest} power_w=1.0 {NOW}",
        f"power,building=sim-hall,channel=l2,{rest} power_w=2.0 {NOW}",
    ]


@pytest.mark.parametrize(("meter", "tags"), [("main", "role=main"), ("lighting", "role=sub,use=lighting")])
def test_a_meter_says_what_it_is(meter: str, tags: str) -> None:
    made = placed(Reading(BY_NAME["electricity_import"], 1.5), meter=meter)
    head = f"meter,building=sim-hall,council=sim-moor,device=a,level=ground,meter={meter},model=m"
    assert lines(*made) == [f"{head},{tags} electricity_import_kwh=1.5 {NOW}"]


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("plain", "plain"),
        ("a b", r"a\ b"),
        ("a,b=c", r"a\,b\=c"),
        ("line\nclimate,x=y z=1", r"lineclimate\,x\=y\ z\=1"),
        ("\r\n\t\0\x7f", ""),
        ("back\\slash", "back/slash"),
        ("ends with \\", r"ends\ with\ /"),
        ('say "hi"', r"say\ \"hi\"".replace(r"\"", '"')),
        ("\u202etxt.exe", "txt.exe"),
        ("Café № 9", r"Café\ №\ 9"),
        ("  padded  ", "padded"),
        ("x" * 70_000, "x" * MAX_TAG),
    ],
)
def test_escaping(raw: str, escaped: str) -> None:
    assert escape_tag(raw) == escaped


@given(st.text(max_size=300))
def test_no_text_leaves_its_tag(raw: str) -> None:
    made = placed(Reading(BY_NAME["temperature"], 20.0), model=raw)
    (line,) = lines(*made)
    _, tags, values, time = parse(line)
    assert "\n" not in line
    assert set(tags) <= set(TAGS)
    assert (values, time) == ({"temperature_c": 20.0}, NOW)
    assert all(tags.values())


@given(st.lists(READINGS, min_size=1, max_size=8))
def test_no_reading_adds_a_measurement_tag_or_field(readings: list[Reading]) -> None:
    found: dict[tuple[str, str, str], float] = {}
    for line in lines(*placed(*readings)):
        assert line.isprintable()
        measurement, tags, values, time = parse(line)
        assert time == NOW
        assert list(tags) == sorted(set(tags) & set(TAGS))
        for key, value in values.items():
            assert (measurement, key, tags.get("channel", "")) not in found
            found[measurement, key, tags.get("channel", "")] = value
    known = {(field.measurement, field.key) for field in FIELDS}
    assert {(measurement, key) for measurement, key, _ in found} <= known
    assert set(found.values()) <= {reading.value for reading in readings}
