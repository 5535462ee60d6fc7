"""SenML: the examples of RFC 8428, its rules, and anything else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats.senml import encode, source
from devices.message import Decoded, Message, Reading, Reason, SourceConfig, TimeSource
from devices.schema import FIELDS, WRITTEN_BY_INGEST, Kind
from devices.timestamps import SECOND, from_rfc3339
from tests.devices.test_thethingsstack import JSON
from tests.devices.vocabulary import expectations, payload_bytes, rows, unmet

ARRIVAL = 1_770_106_500 * SECOND
TEMP = {"n": "room/temp", "u": "Cel", "v": 20.5}


def decode(pack: object, *addresses: str, retained: bool = False) -> Decoded:
    made = source(SourceConfig("s", "fife", "senml", "senml", models=dict.fromkeys(addresses, "")))
    body = pack if isinstance(pack, bytes) else json.dumps(pack).encode()
    return made.decode(Message("senml/x", body, ARRIVAL, retained))


def values(decoded: Decoded) -> list[tuple[str, float]]:
    return [(r.field.name, r.value) for sample in decoded.samples for r in sample.readings]


def test_corpus() -> None:
    wanted = 0
    for row in rows("senml"):
        expected = expectations(row.get("expect") or ())
        wanted += len(expected)
        decoded = decode(payload_bytes(row))
        assert not unmet(expected, decoded)
        times = {sample.time for sample in decoded.samples}
        for item in row.get("expect") or ():
            if "time_unix" in item:
                assert item["time_unix"] * SECOND in times
            elif item.get("time", "arrival").startswith("2"):
                assert from_rfc3339(item["time"]) in times
        assert decoded.samples or decoded.rejects
    print(f"\n{wanted} of {wanted} expected values")
    assert wanted >= 29


@pytest.mark.parametrize(
    ("pack", "mend"),
    [
        ([TEMP, {"n": "a", "u": "Cel", "v": 1, "x_": 1}], "record 1: field x_"),
        ([TEMP, {"bver": 11, "n": "a", "u": "Cel", "v": 1}], "version 11"),
        ([TEMP, {"u": "Cel", "v": 1}], "name ''"),
        ([TEMP, {"n": "/a", "u": "Cel", "v": 1}], "characters"),
        ([TEMP, {"n": "a b", "u": "Cel", "v": 1}], "characters"),
        ([TEMP, {"n": "a" * 257, "v": 1}], "too long"),
        ([TEMP, {"n": "a"}], "one value"),
        ([TEMP, {"n": "a", "v": 1, "vs": "x"}], "one value"),
        ([TEMP, {"n": "a", "v": "1"}], "not a number"),
        ([TEMP, {"n": "a", "v": True}], "not a number"),
        ([TEMP, {"n": "a", "vb": 1}], "not true or false"),
        ([TEMP, {"n": 7, "v": 1}], "not a text"),
        ([TEMP, 7], "no JSON object"),
        (TEMP, "array"),
        (b"[{", "not JSON"),
        ([TEMP] * 10_001, "at most 10000"),
    ],
)
def test_a_broken_rule_rejects_the_whole_pack(pack: object, mend: str) -> None:
    decoded = decode(pack)
    assert not decoded.samples
    (reject,) = decoded.rejects
    assert reject.reason is Reason.MALFORMED
    assert mend in reject.detail


@pytest.mark.parametrize(
    ("record", "time", "time_source"),
    [
        ({}, None, TimeSource.ARRIVAL),
        ({"t": 0}, None, TimeSource.ARRIVAL),
        ({"t": -30}, ARRIVAL - 30 * SECOND, TimeSource.ARRIVAL),
        ({"t": 2**28 - 1}, ARRIVAL + (2**28 - 1) * SECOND, TimeSource.ARRIVAL),
        ({"t": 2**28}, 2**28 * SECOND, TimeSource.DEVICE),
        ({"bt": 1_770_000_000, "t": 0.5}, 1_770_000_000_500_000_000, TimeSource.DEVICE),
        ({"bt": 1_770_000_000.001, "t": -5}, 1_769_999_995_001_000_000, TimeSource.DEVICE),
    ],
)
def test_a_small_time_is_relative_to_arrival(
    record: dict[str, float], time: int | None, time_source: TimeSource
) -> None:
    (sample,) = decode([TEMP | record]).samples
    assert (sample.time, sample.time_source) == (time, time_source)


def test_a_retained_pack_needs_a_time() -> None:
    assert [reject.reason for reject in decode([TEMP], retained=True).rejects] == [Reason.RETAINED]
    assert decode([TEMP | {"bt": 1_770_000_000}], retained=True).samples


def test_base_values_add() -> None:
    pack = [{"bn": "room/", "bu": "Cel", "bv": 20, "n": "temp", "v": 1.5}, {"n": "probe/temp", "v": 3}]
    assert values(decode(pack)) == [("temperature", 21.5), ("probe_temperature", 23)]


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ({"n": "m/power", "u": "W", "s": 3_600_000}, [("electricity_import", 1)]),
        ({"n": "m/power", "u": "W", "v": 500, "s": 3_600_000}, [("power", 500), ("electricity_import", 1)]),
        ({"n": "m/energy", "u": "J", "s": 3_600_000}, [("electricity_import", 1)]),
        ({"n": "m/temp", "u": "Cel", "v": 20, "s": 7}, [("temperature", 20)]),
        ({"n": "m/rh", "u": "/", "v": 0.45}, [("humidity", 45)]),
        ({"n": "m/open", "vb": True}, [("open", 1)]),
        ({"n": "m/temp", "u": "K", "v": 293.15}, [("temperature", 20)]),
    ],
)
def test_units_and_sums(record: dict[str, Any], value: list[tuple[str, float]]) -> None:
    assert values(decode([record])) == value


@pytest.mark.parametrize(
    ("name", "addresses", "address"),
    [
        ("urn:dev:ow:10e2073a01080063:temp", (), "urn:dev:ow:10e2073a01080063"),
        ("urn:dev:mac:0024befffe804ff1/temp", (), "urn:dev:mac:0024befffe804ff1"),
        ("urn:dev:mac:0024befffe804ff1_temp", (), "urn:dev:mac:0024befffe804ff1"),
        ("school/room-2/temp", (), "school/room-2"),
        ("school/room-2/temp", ("school",), "school"),
        ("school/room-21/temp", ("school/room-2",), "school/room-21"),
        ("temp", (), "temp"),
        ("hall/probe/temp", (), "hall/probe"),
        ("sensor7.temp", ("sensor7",), "sensor7"),
    ],
)
def test_the_name_tells_the_device(name: str, addresses: tuple[str, ...], address: str) -> None:
    decoded = decode([{"n": name, "u": "Cel", "v": 20}], *addresses)
    assert decoded.address == decoded.samples[0].address == address


def test_one_pack_may_speak_of_several_devices() -> None:
    decoded = decode([TEMP, {"n": "hall/temp", "u": "Cel", "v": 19}])
    assert [(sample.address, sample.readings[0].value) for sample in decoded.samples] == [("room", 20.5), ("hall", 19)]


@given(
    JSON
    | st.lists(
        st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ["bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "s", "t", "ut", "vs", "vb", "vd", "x"], JSON
            ),
        )
    )
)
def test_nothing_breaks_it(pack: object) -> None:
    decoded = decode(pack)
    assert decoded.samples or decoded.rejects
    assert all(reject.detail.isprintable() for reject in decoded.rejects)


@given(
    st.lists(
        st.sampled_from([f for f in FIELDS if f.name not in WRITTEN_BY_INGEST]), min_size=1, max_size=9, unique=True
    ),
    st.data(),
)
def test_encode_is_what_decode_reads(fields: list[Any], data: st.DataObject) -> None:
    """Fields whose bare name and unit say enough; the others are written, and wait for a better name."""
    sent = [
        Reading(f, data.draw(st.sampled_from((0.0, 1.0)) if f.kind is Kind.STATE else st.floats(f.low, f.high)), "")
        for f in fields
    ]
    topic, payload = encode("senml", "urn:dev:ow:1", sent, ARRIVAL)
    decoded = decode(payload)
    assert topic == "senml/urn:dev:ow:1"
    got = {(r.field.name, r.channel): r.value for sample in decoded.samples for r in sample.readings}
    assert got == {(r.field.name, ""): pytest.approx(r.value, rel=1e-9, abs=1e-9) for r in sent}
    assert {(sample.address, sample.time) for sample in decoded.samples} == {("urn:dev:ow:1", ARRIVAL)}
