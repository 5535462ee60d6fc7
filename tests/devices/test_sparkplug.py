"""Sparkplug B: the examples of the specification, and whole sessions."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.formats import sparkplug_payload as wire
from devices.formats.sparkplug import REBIRTH, encode, source
from devices.formats.sparkplug_payload import Metric, Payload
from devices.message import Decoded, Message, Reading, Reason, SourceConfig
from devices.schema import BY_NAME, FIELDS, WRITTEN_BY_INGEST, Kind
from devices.timestamps import SECOND, from_rfc3339
from tests.devices.sparkplugs import METRICS, ROWS, body
from tests.devices.vocabulary import expectations, unmet

ARRIVAL = 1_770_106_500 * SECOND
STAMP = 1_770_106_500_000


def made(topic: str = "spBv1.0", models: dict[str, str] | None = None) -> Any:
    return source(SourceConfig("sp", "fife", "sparkplug", topic, models=models or {}))


class Session:
    """Sends messages to a source, one second apart."""

    def __init__(self, **config: Any) -> None:
        self.source = made(**config)
        self.now = ARRIVAL

    def send(self, topic: str, payload: Payload | bytes) -> Decoded:
        self.now += SECOND
        body = payload if isinstance(payload, bytes) else wire.write(payload)
        decoded: Decoded = self.source.decode(Message(f"spBv1.0/{topic}", body, self.now))
        return decoded

    def birth(self, bd_seq: int = 7) -> Decoded:
        number = Metric("bdSeq", datatype=wire.INT64, value=bd_seq)
        return self.send("g/NBIRTH/n", Payload(STAMP, 0, [number]))

    def device(self, seq: int = 1, name: str = "d", alias: int = 1) -> Decoded:
        return self.send(f"g/DBIRTH/n/{name}", Payload(STAMP, seq, [temperature(20.5, alias)]))

    def data(self, seq: int, *metrics: Metric, name: str = "d") -> Decoded:
        return self.send(f"g/DDATA/n/{name}", Payload(STAMP + seq * 1000, seq, list(metrics)))


def temperature(value: float, alias: int | None = None, **more: Any) -> Metric:
    properties = {"engUnit": "degC"} | more.pop("properties", {})
    return Metric("Temperature", alias=alias, datatype=wire.DOUBLE, value=value, properties=properties, **more)


def by_alias(value: float, alias: int = 1) -> Metric:
    return Metric(alias=alias, value=value)


def values(decoded: Decoded) -> list[float]:
    return [reading.value for sample in decoded.samples for reading in sample.readings]


def reasons(decoded: Decoded) -> list[Reason]:
    return [reject.reason for reject in decoded.rejects]


def test_corpus() -> None:
    session, wanted = Session(), 0
    for row in ROWS:
        decoded = session.send(row["topic"].removeprefix("spBv1.0/"), body(row))
        expected = expectations(row.get("expect") or ())
        wanted += len(expected)
        assert not unmet(expected, decoded), row
        times = {sample.time for sample in decoded.samples}
        assert {from_rfc3339(item["time"]) for item in row.get("expect") or () if "time" in item} <= times
        assert decoded.samples or decoded.rejects
        if row.get("expect") == []:
            assert not decoded.samples
    print(f"\n{wanted} of {wanted} expected values")
    assert wanted == 10


def test_data_is_read_by_alias_and_a_birth_s_values_are_readings() -> None:
    session = Session()
    assert session.birth().presence is True
    born = session.device()
    assert (born.address, born.presence, values(born)) == ("g/n/d", True, [20.5])
    decoded = session.data(2, by_alias(21.0))
    assert (decoded.address, values(decoded), decoded.requests) == ("g/n/d", [21.0], [])


def test_data_before_a_birth_waits_and_asks_for_one() -> None:
    decoded = Session().data(5, by_alias(21.0))
    assert reasons(decoded) == [Reason.NO_DESCRIPTION]
    ((topic, payload),) = decoded.requests
    assert topic == "spBv1.0/g/NCMD/n"
    (metric,) = wire.read(payload).metrics
    assert (metric.name, metric.value, metric.datatype) == (REBIRTH, True, wire.BOOLEAN)


def test_an_unknown_alias_keeps_nothing_of_the_message() -> None:
    session = Session()
    session.birth()
    session.device()
    decoded = session.data(2, by_alias(21.0), by_alias(1.0, 99))
    assert (values(decoded), reasons(decoded)) == ([], [Reason.NO_DESCRIPTION])
    assert decoded.requests


def test_an_alias_of_another_device_explains_nothing() -> None:
    session = Session()
    session.birth()
    session.device(1)
    session.device(2, "e", 2)
    assert reasons(session.data(3, by_alias(21.0, 2))) == [Reason.NO_DESCRIPTION]


def test_the_sequence_rolls_over_and_a_gap_asks_once_a_minute() -> None:
    session = Session()
    session.birth()
    session.device()
    for seq in [*range(2, 256), *range(3)]:
        assert not session.data(seq, by_alias(21.0)).requests
    decoded = session.data(7, by_alias(22.0))
    assert (values(decoded), len(decoded.requests)) == ([22.0], 1)
    assert not session.data(9, by_alias(22.0)).requests
    session.now += 60 * SECOND
    assert session.data(12, by_alias(22.0)).requests


def test_a_new_birth_forgets_all_aliases_of_the_node() -> None:
    session = Session()
    session.birth()
    session.device()
    session.birth(8)
    assert reasons(session.data(1, by_alias(21.0))) == [Reason.NO_DESCRIPTION]


@pytest.mark.parametrize(("bd_seq", "presence"), [(7, False), (6, None)])
def test_a_will_of_an_older_session_means_nothing(bd_seq: int, presence: bool | None) -> None:
    session = Session()
    session.birth(7)
    session.device()
    decoded = session.send("g/NDEATH/n", Payload(STAMP, None, [Metric("bdSeq", datatype=wire.UINT64, value=bd_seq)]))
    assert (decoded.presence, reasons(decoded)) == (presence, [Reason.PRESENCE])
    assert bool(values(session.data(2, by_alias(21.0)))) == (presence is None)


def test_a_dead_device_s_aliases_are_forgotten() -> None:
    session = Session()
    session.birth()
    session.device()
    assert session.send("g/DDEATH/n/d", Payload(STAMP, 2)).presence is False
    assert reasons(session.data(3, by_alias(21.0))) == [Reason.NO_DESCRIPTION]


@pytest.mark.parametrize(
    ("quality", "reason"), [(192, None), (0, Reason.DEVICE_ERROR), (500, Reason.NO_VALUE), ("odd", Reason.DEVICE_ERROR)]
)
def test_quality(quality: int | str, reason: Reason | None) -> None:
    session = Session()
    session.birth()
    session.device()
    decoded = session.data(2, temperature(21.0, 1, properties={"Quality": quality}))
    assert (values(decoded), reasons(decoded)) == (([21.0], []) if reason is None else ([], [reason]))


def test_a_null_is_no_value_and_history_keeps_its_time() -> None:
    session = Session()
    session.birth()
    session.device()
    assert reasons(session.data(2, temperature(0.0, 1, null=True))) == [Reason.NO_VALUE]
    (sample,) = session.data(3, temperature(19.0, 1, historical=True, timestamp=STAMP - 3_600_000)).samples
    assert sample.time == (STAMP - 3_600_000) * 1_000_000


def test_a_null_that_carries_a_value_all_the_same_is_no_value() -> None:
    session = Session()
    session.birth()
    session.device()
    metric = b"\x10\x01\x38\x01\x69" + struct.pack("<d", 5.0)
    decoded = session.send("g/DDATA/n/d", b"\x12" + bytes([len(metric)]) + metric + b"\x18\x02")
    assert (values(decoded), reasons(decoded)) == ([], [Reason.NO_VALUE])


def test_a_time_that_is_none_is_said() -> None:
    session = Session()
    session.birth()
    session.device()
    assert reasons(session.data(2, temperature(21.0, 1, timestamp=1_770_106_500))) == [Reason.BAD_TIME]


def test_what_a_source_remembers_survives_a_restart() -> None:
    first, second = Session(), Session()
    first.birth()
    first.device()
    second.source.restore(first.source.state())
    assert first.source.state() == {}
    second.now = first.now
    decoded = second.data(200, by_alias(21.0))
    assert (values(decoded), decoded.requests) == ([21.0], [])
    first.send("g/NDEATH/n", Payload(STAMP, None, [Metric("bdSeq", datatype=wire.INT64, value=7)]))
    second.source.restore(first.source.state())
    assert reasons(second.data(201, by_alias(21.0))) == [Reason.NO_DESCRIPTION]


def test_a_replay_changes_nothing_of_the_present() -> None:
    session = Session()
    session.birth()
    session.device()
    old = wire.write(Payload(STAMP, 2, [by_alias(5.0)]))
    assert reasons(session.source.decode(Message("spBv1.0/g/DDATA/n/d", old, ARRIVAL))) == [Reason.NO_DESCRIPTION]
    assert not session.data(2, by_alias(21.0)).requests


def test_a_model_maps_what_no_unit_tells() -> None:
    session = Session(models={"g/n/d": "micropelt/mlr003"})
    session.birth()
    metric = Metric("Flow_Temperature", alias=4, datatype=wire.DOUBLE, value=55.0)
    decoded = session.send("g/DBIRTH/n/d", Payload(STAMP, 1, [metric]))
    assert [(r.field.name, r.value) for s in decoded.samples for r in s.readings] == [("water_temperature", 55.0)]


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("g/NCMD/n", Reason.COMMAND),
        ("g/DCMD/n/d", Reason.COMMAND),
        ("STATE/host", Reason.PRESENCE),
        ("g/NDATA", Reason.BAD_TOPIC),
        ("g/DDATA/n", Reason.BAD_TOPIC),
        ("g/NDATA/n/d", Reason.BAD_TOPIC),
    ],
)
def test_other_topics(topic: str, reason: Reason) -> None:
    assert reasons(Session().send(topic, b"")) == [reason]


def test_one_namespace_or_one_group() -> None:
    group = made("spBv1.0/fife")
    assert group.filters[:4] == (
        "spBv1.0/fife/NBIRTH/+",
        "spBv1.0/fife/NDEATH/+",
        "spBv1.0/fife/NDATA/+",
        "spBv1.0/fife/DBIRTH/+/+",
    )
    assert made().filters[-1] == "spBv1.0/+/DDATA/+/+"
    decoded = group.decode(Message("spBv1.0/fife/NDATA/n", wire.write(Payload(STAMP, 3, [by_alias(1.0)])), ARRIVAL))
    assert decoded.address == "fife/n"
    assert decoded.requests[0][0] == "spBv1.0/fife/NCMD/n"
    assert group.describes("spBv1.0/fife/DBIRTH/n/d")
    assert not group.describes("spBv1.0/fife/DDATA/n/d")


KINDS = ("NBIRTH/n", "NDATA/n", "NDEATH/n", "DBIRTH/n/d", "DDATA/n/d", "DDEATH/n/d")
PAYLOADS = st.builds(
    Payload, st.none() | st.just(STAMP), st.none() | st.integers(0, 300), st.lists(METRICS, max_size=3)
)


@given(st.lists(st.tuples(st.sampled_from(KINDS), PAYLOADS.map(wire.write) | st.binary(max_size=20)), max_size=12))
def test_no_session_breaks_or_sticks_it(messages: list[tuple[str, bytes]]) -> None:
    session = Session()
    for topic, payload in messages:
        decoded = session.send(f"g/{topic}", payload)
        assert decoded.samples or decoded.rejects
        assert all(reject.detail.isprintable() for reject in decoded.rejects)
        session.source.restore(session.source.state())
    session.birth()
    session.device()
    assert values(session.data(2, by_alias(21.0))) == [21.0]


@given(
    st.lists(
        st.sampled_from([f for f in FIELDS if f.name not in WRITTEN_BY_INGEST]), min_size=1, max_size=9, unique=True
    ),
    st.data(),
)
def test_encode_is_what_decode_reads(fields: list[Any], data: st.DataObject) -> None:
    sent = [
        Reading(f, data.draw(st.sampled_from((0.0, 1.0)) if f.kind is Kind.STATE else st.floats(f.low, f.high)), "")
        for f in fields
    ]
    one = made()
    one.decode(Message(*encode("NBIRTH", "g/n", [], ARRIVAL, 0, bd_seq=3), ARRIVAL))
    decoded = one.decode(Message(*encode("DBIRTH", "g/n/d", sent, ARRIVAL, 1), ARRIVAL))
    got = {r.field.name: r.value for sample in decoded.samples for r in sample.readings}
    assert got == {r.field.name: pytest.approx(r.value, rel=1e-9, abs=1e-9) for r in sent}
    late = one.decode(Message(*encode("NDEATH", "g/n", [], ARRIVAL, 0, bd_seq=2), ARRIVAL))
    assert late.presence is None
    assert BY_NAME["online"].name not in got
