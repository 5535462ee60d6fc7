"""What the broker gets, read back by the decoder that ingest uses."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from devices.decode import Decoder
from devices.message import Message, Reading, Reason, SourceConfig
from devices.registry import load
from devices.schema import BY_NAME
from devices.timestamps import SECOND
from simulators import backfill
from simulators.gateways import connections
from simulators.simulation import Simulation
from simulators.speakers import Due
from simulators.statefile import load as load_state
from simulators.unplayable import UnplayableError
from tests.simulators.estates import DAY, TERM_MONDAY, estate

NINE = TERM_MONDAY + 9 * 3_600
DEMO = Path(backfill.__file__).parent / "estate" / "sim-kirkbrae"


def test_the_decoder_reads_what_the_devices_told() -> None:
    everybody, speaker = connections(estate())
    decoder = Decoder(estate())
    for connection in everybody:
        for message in connection.hello(NINE * SECOND):
            decoder.decode(message)
    simulation = Simulation(estate(), seed=3, start=NINE)
    read = 0
    while simulation.now < NINE + 3_600:
        simulation.step()
        for due in simulation.due(simulation.now):
            (message,) = speaker[due.device.council, due.device.id].messages(due)
            outcome = decoder.decode(message)
            assert {reject.reason for reject in outcome.rejects} <= {Reason.UNCHANGED}
            told = {reading.field: reading.value for reading in due.readings}
            for placed in outcome.placed:
                assert placed.device == due.device
                assert placed.time == pytest.approx(due.claimed, abs=SECOND / 500)
                for field, value, _ in placed.readings:
                    if field in told:
                        assert value == pytest.approx(told[field], rel=1e-4, abs=1e-3), field.name
                        read += 1
                if due.device.source == "native":
                    assert {reading.field for reading in placed.readings} == set(told)
    assert read > 1_500


def test_a_bridge_repeats_the_whole_state_of_a_device() -> None:
    """As Zigbee2MQTT's cache does: https://www.zigbee2mqtt.io/guide/configuration/device-group.html (cache_state)."""
    _, speaker = connections(estate())
    simulation = Simulation(estate(), seed=3, start=NINE)
    bodies: list[dict[str, object]] = []
    while simulation.now < NINE + 2 * 3_600:
        simulation.step()
        for due in simulation.due(simulation.now):
            if due.device.id == "pir":
                bodies.append(json.loads(speaker["sim", "pir"].messages(due)[0].payload))
                alone = len(due.readings) == 1
                if alone and len(bodies) > 3:
                    repeated = bodies[-2].keys() - {"occupancy", "last_seen"}
                    assert repeated == {"temperature", "illuminance", "battery", "linkquality"}
                    assert all(bodies[-1][key] == bodies[-2][key] for key in repeated)
    assert {body["occupancy"] for body in bodies} == {True, False}
    assert all(str(body["last_seen"]).endswith("Z") for body in bodies)


def test_a_bridge_introduces_itself_and_its_devices() -> None:
    everybody, _ = connections(estate())
    bridge = next(one for one in everybody if one.name == "sim.z2m")
    hello = {message.topic: message for message in bridge.hello(NINE * SECOND)}
    assert all(message.retained for message in hello.values())
    assert json.loads(hello["zigbee2mqtt/school/bridge/state"].payload) == {"state": "online"}
    assert json.loads(hello["zigbee2mqtt/school/room-1/trv/availability"].payload) == {"state": "online"}
    described = json.loads(hello["zigbee2mqtt/school/bridge/devices"].payload)
    door = next(item for item in described if item["friendly_name"] == "foyer/door")
    assert door["definition"]["vendor"] == "Aqara"
    contact = next(item for item in door["definition"]["exposes"] if item["property"] == "contact")
    assert (contact["value_on"], contact["value_off"]) == (False, True)
    will = bridge.goodbye(NINE * SECOND)
    assert will is not None
    assert json.loads(will.payload) == {"state": "offline"}


def test_a_native_device_is_one_connection_with_a_status() -> None:
    everybody, speaker = connections(estate())
    assert len(everybody) == 1 + 10
    air = speaker["sim", "air"]
    assert air.hello(NINE * SECOND) == [
        Message("tolbooth/v1/sim/school/air/status", b"online", NINE * SECOND, retained=True)
    ]
    will = air.goodbye(NINE * SECOND)
    assert will is not None
    assert will.payload == b"offline"


def test_what_cannot_be_played_is_named() -> None:
    council = estate().councils["sim"]
    lora = replace(council, sources={"native": SourceConfig("native", "sim", "chirpstack", "application")})
    with pytest.raises(UnplayableError, match="not chirpstack"):
        connections(replace(estate(), councils={"sim": lora}))
    odd = replace(council.devices["bulb"], model="Acme 1")
    with pytest.raises(UnplayableError, match=r"Acme 1.*Danfoss 014G2461"):
        connections(replace(estate(), councils={"sim": replace(council, devices={"bulb": odd})}))


def test_the_past_comes_in_order_and_is_stored_whole(tmp_path: Path) -> None:
    end = TERM_MONDAY + DAY
    decoder, last, stored = Decoder(estate()), 0, 0
    state = tmp_path / "state.json"
    for message in backfill.messages(
        estate(), start_ns=TERM_MONDAY * SECOND, end_ns=end * SECOND, seed=3, state_file=state
    ):
        assert message.received >= last
        last = message.received
        outcome = decoder.decode(message)
        assert {reject.reason for reject in outcome.rejects} <= {
            Reason.PRESENCE, Reason.DESCRIPTION, Reason.UNCHANGED,
        }  # fmt: skip
        stored += bool(outcome.placed)
    assert end * SECOND - 300 * SECOND < last <= end * SECOND
    assert stored > 15 * 288
    live = Simulation(estate(), seed=3, start=end + 120)
    assert load_state(live, state)
    assert live.told == end


def test_registers_go_on_from_the_past_without_a_jump(tmp_path: Path) -> None:
    end, state = TERM_MONDAY + 6 * 3_600, tmp_path / "state.json"
    history = backfill.messages(estate(), start_ns=TERM_MONDAY * SECOND, end_ns=end * SECOND, seed=3, state_file=state)
    main = [json.loads(message.payload) for message in history if message.topic.endswith("m-main/readings")]
    live = Simulation(estate(), seed=3, start=end)
    load_state(live, state)
    live.step()
    first = next(due for due in live.due(live.now) if due.device.id == "m-main")
    told = {reading.field.name: reading.value for reading in first.readings}
    hours = (first.time / SECOND - end) / 3_600
    assert main[-1]["time"] == "2026-01-12T06:00:00.000Z"
    assert told["electricity_import"] - main[-1]["electricity_import"] == pytest.approx(
        told["power"] / 1_000 * hours, abs=1e-2
    )


def test_the_demo_council_plays_without_a_reject() -> None:
    demo = load(DEMO)
    decoder, spoke = Decoder(demo), set()
    for message in backfill.messages(demo, start_ns=NINE * SECOND, end_ns=(NINE + 4_000) * SECOND, seed=1):
        outcome = decoder.decode(message)
        assert {reject.reason for reject in outcome.rejects} <= {
            Reason.PRESENCE, Reason.DESCRIPTION, Reason.UNCHANGED,
        }  # fmt: skip
        spoke |= {placed.device.id for placed in outcome.placed}
    now = NINE * SECOND
    placed_now = {
        device.id
        for device in demo.councils["sim-kirkbrae"].devices.values()
        if any(one.start <= now < one.end for one in device.assignments)
    }
    assert spoke == placed_now


def test_the_demo_speaks_six_formats_and_each_tells_what_was_measured() -> None:
    demo = load(DEMO)
    council = demo.councils["sim-kirkbrae"]
    devices = Counter(council.sources[device.source].format for device in council.devices.values())
    assert devices.keys() == {"native", "zigbee2mqtt", "tasmota", "shelly2", "thethingsstack", "senml"}
    assert all(5 <= devices[name] <= 15 for name in ("tasmota", "shelly2", "thethingsstack", "senml"))
    everybody, speaker = connections(demo)
    decoder = Decoder(demo)
    for connection in everybody:
        for message in connection.hello(NINE * SECOND):
            decoder.decode(message)
    simulation, read = Simulation(demo, seed=1, start=NINE), Counter[str]()
    while simulation.now < NINE + 1_800:
        simulation.step()
        for due in simulation.due(simulation.now):
            name = council.sources[due.device.source].format
            found: dict[str, float] = {}
            for message in speaker[due.device.council, due.device.id].messages(due):
                for placed in decoder.decode(message).placed:
                    assert placed.device == due.device
                    within = SECOND if name == "tasmota" else SECOND / 500
                    assert abs(placed.time - due.claimed) < within, message
                    found |= {reading.field.name: reading.value for reading in placed.readings}
            told = {reading.field.name: reading.value for reading in due.readings}
            if name != "zigbee2mqtt":
                assert found == pytest.approx(told, rel=1e-6, abs=1e-6), name
            read[name] += len(found)
    assert all(read[name] > 100 for name in devices), read


def test_a_plug_with_tasmota_describes_itself_and_tells_in_local_time() -> None:
    """The keys and the local time are those of Tasmota's documentation: tele/<topic>/SENSOR, commands (Time)."""
    demo = load(DEMO)
    _, speaker = connections(demo)
    plug = demo.councils["sim-kirkbrae"].devices["sim-ch-office-plug-1"]
    connection = speaker["sim-kirkbrae", plug.id]
    described, online = connection.hello(NINE * SECOND)
    assert described.topic.startswith("tasmota/discovery/")
    assert json.loads(described.payload)["t"] == plug.address
    assert (online.topic, online.payload) == (f"sim-kirkbrae/tasmota/tele/{plug.address}/LWT", b"Online")
    summer = 1_783_238_400  # 2026-07-05T08:00:00Z, 09:00 in Edinburgh
    readings = [Reading(BY_NAME["switched"], 1.0), Reading(BY_NAME["power"], 84.2)]
    sensor, state = connection.messages(Due(plug, readings, summer * SECOND, summer * SECOND))
    assert json.loads(sensor.payload) == {"Time": "2026-07-05T09:00:00", "ENERGY": {"Power": 84.2}}
    assert json.loads(state.payload) == {"Time": "2026-07-05T09:00:00", "POWER": "ON"}


def test_frames_of_a_lorawan_device_are_never_counted_twice() -> None:
    demo = load(DEMO)
    sensor = demo.councils["sim-kirkbrae"].devices["sim-ps-room-1-room-sensor"]
    counts = []
    for at in (NINE, NINE + 1):
        _, speaker = connections(demo)  # as after a restart
        (message,) = speaker["sim-kirkbrae", sensor.id].messages(
            Due(sensor, [Reading(BY_NAME["co2"], 612.0)], at * SECOND, at * SECOND)
        )
        body = json.loads(message.payload)
        assert body["uplink_message"]["decoded_payload"] == {"co2": 612.0}
        counts.append(body["uplink_message"]["f_cnt"])
    assert counts[0] < counts[1] < 2**32
    odd = replace(sensor, model="Acme 1")
    council = replace(demo.councils["sim-kirkbrae"], devices={odd.id: odd})
    with pytest.raises(UnplayableError, match=r"no model file of 'Acme 1'"):
        connections(replace(demo, councils={"sim-kirkbrae": council}))
