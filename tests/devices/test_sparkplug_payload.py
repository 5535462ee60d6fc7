"""Sparkplug's payload: bytes to metrics and back."""

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats import sparkplug_payload as wire
from devices.formats.sparkplug_payload import Metric, Payload
from tests.devices.sparkplugs import METRICS, ROWS, body


@pytest.mark.parametrize("row", [row for row in ROWS if "decoded" in row], ids=lambda row: row["topic"])
def test_the_wire_format(row: dict[str, Any]) -> None:
    payload = wire.read(body(row))
    wanted = row["decoded"]
    assert (payload.timestamp, payload.seq) == (wanted["timestamp"], wanted.get("seq"))
    assert [metric.name for metric in payload.metrics] == [item.get("name", "") for item in wanted.get("metrics", [])]
    for metric, item in zip(payload.metrics, wanted.get("metrics", []), strict=True):
        if item["dataType"] != "String" and "value" in item and metric.datatype:
            assert wire.number(metric.value, metric.datatype) == item["value"]
        assert metric.null == item.get("is_null", False)


@pytest.mark.parametrize(
    ("value", "datatype", "number"),
    [
        (4_294_967_292, wire.INT16, -4),
        (4_294_967_168, wire.INT8, -128),
        (252, wire.INT8, -4),
        (70_000, wire.INT16, None),
        (2**64 - 5, wire.INT64, -5),
        (2**63 - 1, wire.INT64, 2**63 - 1),
        (2**64 - 1, wire.UINT64, 2**64 - 1),
        (struct.unpack("<f", struct.pack("<f", 12.3))[0], wire.FLOAT, 12.3),
        (1, wire.BOOLEAN, None),
        (True, wire.BOOLEAN, True),
        (1.5, wire.INT32, None),
        ("1", wire.STRING, None),
        (1_486_144_502_122, 13, None),
    ],
)
def test_numbers(value: Any, datatype: int, number: float | None) -> None:
    assert wire.number(value, datatype) == number


@pytest.mark.parametrize("data", [b"\x12\x05\x08", b"\x08", b"\x0b", b"\x08" + b"\xff" * 10, b"\x19\x00"])
def test_bytes_that_end_too_soon_or_are_no_protobuf(data: bytes) -> None:
    with pytest.raises(ValueError, match="not protobuf"):
        wire.read(data)


@given(st.lists(METRICS, max_size=4), st.none() | st.integers(0, 2**64 - 1), st.none() | st.integers(0, 255))
def test_what_is_written_is_read(metrics: list[Metric], stamp: int | None, seq: int | None) -> None:
    payload = Payload(stamp, seq, metrics)
    assert wire.read(wire.write(payload)) == payload


@given(st.binary(max_size=60))
def test_bytes_are_a_payload_or_a_fault(data: bytes) -> None:
    with suppress(ValueError):
        assert wire.read(data).metrics is not None
