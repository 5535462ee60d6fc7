"""Births and deaths of a Sparkplug edge node, as the specification orders them and as ingest's decoder hears them."""

from dataclasses import replace

import pytest

from devices.decode import Decoder
from devices.formats import sparkplug_payload as wire
from devices.message import Message, Reason, SourceConfig
from devices.model import Device, DeviceKind, Estate
from devices.timestamps import SECOND
from simulators.gateways import Connection, connections
from simulators.simulation import Simulation
from simulators.unplayable import UnplayableError
from tests.simulators.estates import TERM_MONDAY, estate

NINE = TERM_MONDAY + 9 * 3_600


def _edge_estate(*more: Device) -> Estate:
    council = estate().councils["sim"]
    devices = {
        name: replace(council.devices[name], source="plant", address=f"sim/boiler-house/{name}")
        for name in ("m-main", "m-gas", "air")
    }
    devices |= {device.id: device for device in more}
    sources = {"plant": SourceConfig("plant", "sim", "sparkplug", "spBv1.0")}
    return Estate({"sim": replace(council, devices=devices, sources=sources)})


def _node() -> Connection:
    (node,), _ = connections(_edge_estate())
    return node


def _bd_seq(message: Message) -> object:
    return {metric.name: metric.value for metric in wire.read(message.payload).metrics}["bdSeq"]


def test_a_session_is_born_speaks_in_sequence_and_dies() -> None:
    town = _edge_estate()
    (node,), _ = connections(town)
    decoder, sent = Decoder(town), list[Message]()
    will = node.goodbye(NINE * SECOND)
    sent += node.hello(NINE * SECOND)
    simulation = Simulation(town, seed=3, start=NINE)
    simulation.step(1_800)
    told = simulation.due(simulation.now)
    for due in told:
        sent += node.messages(due)
    kinds = [message.topic.split("/")[2] for message in sent]
    assert kinds[0] == "NBIRTH"
    assert kinds.count("DBIRTH") == 3
    assert kinds.count("DDATA") > 50
    assert [wire.read(message.payload).seq for message in sent] == [n % 256 for n in range(len(sent))]
    assert not any(message.retained for message in sent)
    placed = 0
    for message in sent:
        outcome = decoder.decode(message)
        assert {reject.reason for reject in outcome.rejects} <= {Reason.DESCRIPTION}, outcome
        placed += sum(len(one.readings) for one in outcome.placed)
    assert placed == sum(len(due.readings) for due in told)
    assert will is not None
    assert not will.retained
    assert _bd_seq(will) == _bd_seq(sent[0])


def test_each_session_has_the_next_number_and_its_will_the_same() -> None:
    node, seen = _node(), []
    for _ in range(3):
        will, birth = node.goodbye(NINE * SECOND), node.hello(NINE * SECOND)[0]
        farewell = node.goodbye(NINE * SECOND)
        assert will is not None
        assert farewell is not None
        seen.append((_bd_seq(will), _bd_seq(birth), _bd_seq(farewell)))
    assert seen == [(n, n, n) for n in (1, 2, 3)]


def test_after_a_silence_all_devices_are_born_again_with_what_they_last_told() -> None:
    town = _edge_estate()
    (node,), _ = connections(town)
    node.hello(NINE * SECOND)
    simulation = Simulation(town, seed=3, start=NINE)
    simulation.step(600)
    for due in simulation.due(simulation.now):
        node.messages(due)
    before = _bd_seq(node.goodbye(NINE * SECOND) or Message("", b"", 0))
    again = node.hello((NINE + 900) * SECOND)
    assert [message.topic.split("/")[2] for message in again] == ["NBIRTH", *["DBIRTH"] * 3]
    assert _bd_seq(again[0]) == int(str(before)) + 1
    gas = next(message for message in again if message.topic.endswith("m-gas"))
    assert [metric.name for metric in wire.read(gas.payload).metrics] == ["gas"]


def test_devices_of_two_nodes_need_two_sources() -> None:
    other = Device("x", "sim", DeviceKind.GAS_METER, "x", "plant", "sim/depot/x", 60, ())
    with pytest.raises(UnplayableError, match="sim/boiler-house, sim/depot: make a source for each"):
        connections(_edge_estate(other))
