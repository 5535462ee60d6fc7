"""Sparkplug's rows of the corpus, and metrics as Hypothesis makes them."""

from base64 import b64decode
from typing import Any

from hypothesis import strategies as st

from devices.formats import sparkplug_payload as wire
from devices.formats.sparkplug_payload import Metric
from tests.devices.vocabulary import payload_bytes, rows

ROWS = list(rows("sparkplug"))


def body(row: dict[str, Any]) -> bytes:
    return b64decode(row["payload"]) if "payload_encoding" in row else payload_bytes(row)


SCALARS = st.booleans() | st.integers(0, 2**32 - 1) | st.floats(allow_nan=False) | st.text(max_size=5)


METRICS = st.builds(
    lambda name, alias, value, null, stamp, unit: Metric(
        name, alias, stamp, _datatype(value), False, null, {"engUnit": unit} if unit else {}, None if null else value
    ),
    st.sampled_from(("", "Temperature", "Energy/Total", "x")),
    st.none() | st.integers(0, 3),
    SCALARS,
    st.booleans(),
    st.none() | st.integers(0, 2**64 - 1),
    st.sampled_from(("", "degC", "Wh", "furlong")),
)


def _datatype(value: object) -> int:
    for kind, datatype in ((bool, wire.BOOLEAN), (int, wire.UINT32), (float, wire.DOUBLE), (str, wire.STRING)):
        if isinstance(value, kind):
            return datatype
    raise AssertionError(value)
