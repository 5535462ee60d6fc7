"""Byte codecs: the notation, what their frames may not do, and anything else that may come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import codecs
from devices.codecs.layout import record
from devices.devicemodel import find
from devices.lorawan import Uplink, read_uplink
from devices.message import Reason, TimeSource

NAMES = (
    "milesight/am307", "milesight/em300-di", "milesight/vs360", "milesight/wt201", "milesight/ct101", "elsys/ers",
    "decentlab/dl-iam", "decentlab/dl-dlr2-010", "cayenne/lpp", "tektelic/comfort", "netvox/r72615", "dragino/lht65",
    "browan/tbms100", "yobiiq/sd1001",
)  # fmt: skip


def read(name: str, frame: str, port: int = 85) -> tuple[dict[str, float], list[Reason]]:
    uplink = Uplink("0" * 16, port, bytes.fromhex(frame), None, name, 1, TimeSource.NETWORK)
    decoded = read_uplink(uplink)
    live = [sample for sample in decoded.samples if sample.time == 1]
    return (
        {f"{r.field.name}.{r.channel}".rstrip("."): r.value for sample in live for r in sample.readings},
        [reject.reason for reject in decoded.rejects],
    )


@pytest.mark.parametrize(
    ("notation", "data", "values"),
    [
        ("t:i16/10", "ff38", {"t": -20.0}),
        ("t:i16le/10", "38ff", {"t": -20.0}),
        ("n:u24le", "dc7801", {"n": 96_476}),
        ("b@1:u8&0x0f+25/10 t@2:u8&0x7f-32", "01bb34", {"b": 3.6, "t": 20}),
        ("open@0:u8>>7", "8b", {"open": 1}),
        ("a:u16? b:i16? c:i16?", "ffffffff7fff", {}),
        ("_:u8 f:f32le", "003393bb44", {"f": pytest.approx(1500.6, rel=1e-4)}),
    ],
)
def test_the_notation(notation: str, data: str, values: dict[str, float]) -> None:
    assert record(notation).read(bytes.fromhex(data)) == values


@pytest.mark.parametrize("notation", ["t", "t:i12", "t:u8^3", "t:u8/", ":u8"])
def test_a_wrong_notation_says_so(notation: str) -> None:
    with pytest.raises(ValueError, match="is no item"):
        record(notation)


def test_milesight_s_stored_records_are_never_live() -> None:
    values, _ = read("milesight/em300-th", "20ce9e74466310015d")
    assert values == {}


def test_milesight_s_stored_records_of_another_length_are_not_read_at_all() -> None:
    frame = "01755520ce6535ca0c00e1006e016401c2000a279700190032"
    decoded = read_uplink(Uplink("0" * 16, 85, bytes.fromhex(frame), None, "milesight/am307", 1, TimeSource.NETWORK))
    assert [sample.time for sample in decoded.samples] == [1]
    assert [reject.reason for reject in decoded.rejects] == [Reason.MALFORMED]


def test_milesight_s_failed_sensor_is_an_error_and_no_value() -> None:
    assert read("milesight/wt201", "b36701") == ({}, [Reason.DEVICE_ERROR])


def test_a_channel_means_what_the_model_says() -> None:
    assert read("milesight/am307", "050001")[0] == {"motion": 1}
    assert read("milesight/em300-zld", "050001")[0] == {"leak": 1}
    assert read("milesight/no-such-model", "050001017564") == ({"battery": 100}, [Reason.UNKNOWN_FIELD])


def test_what_stood_before_an_unknown_type_is_kept() -> None:
    assert read("elsys/ers", "0100e20229ee0102", 5) == ({"temperature": 22.6, "humidity": 41}, [Reason.MALFORMED])


def test_byte_order_is_the_model_s() -> None:
    assert read("cayenne/lpp", "036700e1")[0] == {"temperature.3": 22.5}
    assert read("tektelic/comfort", "036700e1", 10)[0] == {"temperature": 22.5}
    assert read("milesight/am102", "0367e100")[0] == {"temperature": 22.5}


def test_decentlab_s_flags_must_fit_the_model() -> None:
    assert read("decentlab/dl-sht35", "02023d0003815e0c15", 1) == ({}, [Reason.MALFORMED])


@pytest.mark.parametrize("flags", ["0007", "8003", "0002", "0000"])
def test_decentlab_s_flags_must_ask_for_what_follows(flags: str) -> None:
    assert read("decentlab/dl-sht35", f"02030e{flags}64a079b10c60", 1) == ({}, [Reason.MALFORMED])


def test_bytes_of_a_model_without_a_file_are_read_whole_or_not_at_all() -> None:
    assert read("milesight/no-such-model", "01756403671801") == ({"battery": 100, "temperature": 28}, [])
    assert read("milesight/no-such-model", "01756403671801020b43") == ({}, [Reason.MALFORMED])


def test_an_absent_probe_is_no_temperature() -> None:
    values, _ = read("dragino/lht65", "cbf60b0d0376017fff7fff", 2)
    assert values == {"battery_voltage": 3.062, "temperature": 28.29, "humidity": 88.6}


def test_an_answer_to_a_command_is_no_reading() -> None:
    assert read("netvox/r718a", "820b003c003c0100640064", 7) == ({}, [Reason.NO_VALUE])


@given(st.binary(max_size=260), st.sampled_from(NAMES), st.sampled_from((1, 2, 5, 6, 10, 85, 102, 103)))
def test_nothing_breaks_a_codec(data: bytes, name: str, port: int) -> None:
    decoded = read_uplink(Uplink("0" * 16, port, data, None, name, 1, TimeSource.NETWORK))
    assert decoded.samples or decoded.rejects
    assert all(reject.detail.isprintable() for reject in decoded.rejects)


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("milesight/am307", "01755603673401046865050001077dc50120ce781a4165"),
        ("elsys/ers", "0100e202290400270506060308070d62"),
        ("tektelic/comfort", "036700e104684d00ba0b9e"),
        ("cayenne/lpp", "03670110056700ff"),
    ],
)
def test_the_front_of_a_frame_says_nothing_that_the_frame_does_not(name: str, frame: str) -> None:
    model = find(name)
    assert model is not None
    data = bytes.fromhex(frame)
    whole = codecs.decode(model.codec, data, 10, model.layout).values
    for end in range(len(data)):
        assert codecs.decode(model.codec, data[:end], 10, model.layout).values.items() <= whole.items()


def test_a_failure_of_what_is_not_read_ends_a_milesight_frame() -> None:
    """Type 88 is a position: nothing of it is read, and so nothing of it can fail."""
    assert read("milesight/am307", "017561b388000000") == ({"battery": 97}, [Reason.MALFORMED])


def test_an_answer_to_a_command_ends_a_milesight_frame() -> None:
    assert read("milesight/wt101", "017561fe8e002c010467f401") == ({"battery": 97}, [Reason.MALFORMED])
