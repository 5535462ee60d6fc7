"""Zigbee2MQTT repeats all values of a device with each message: what is new, and what must be remembered for that."""

import pytest

from devices.formats.zigbee2mqtt import (
    encode_devices,
)
from devices.message import Message, Reason
from devices.timestamps import SECOND
from tests.devices.bridges import BASE, ROOM, T0, binary, bridge, described, numeric, reasons, send, values


def test_only_what_changed_is_read_again() -> None:
    made = bridge(ROOM)
    assert values(send(made, "room", {"temperature": 20, "humidity": 40})) == {"temperature": 20, "humidity": 40}
    assert values(send(made, "room", {"temperature": 21, "humidity": 40}, 10)) == {"temperature": 21}
    assert reasons(send(made, "room", {"temperature": 21, "humidity": 40}, 20)) == [Reason.UNCHANGED]


def test_an_unchanged_value_is_read_once_in_a_heartbeat() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20})
    assert not values(send(made, "room", {"temperature": 20}, 299))
    assert values(send(made, "room", {"temperature": 20}, 300)) == {"temperature": 20}
    assert not values(send(made, "room", {"temperature": 20}, 599))


def test_the_heartbeat_follows_last_seen() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:15:00.000Z"})
    assert not values(send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:15:00.000Z"}, 400))
    assert values(send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:20:00.000Z"}, 401))


def test_the_heartbeat_is_an_option() -> None:
    made = bridge(ROOM, heartbeat_s="60")
    send(made, "room", {"temperature": 20})
    assert values(send(made, "room", {"temperature": 20}, 60))


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_heartbeat_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a number of seconds"):
        bridge(heartbeat_s=text)


def test_a_restarted_bridge_repeats_nothing_new() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20, "humidity": 40})
    send(made, "bridge/state", {"state": "offline"}, 3_600)
    send(made, "bridge/state", {"state": "online"}, 3_610)
    assert values(send(made, "room", {"temperature": 20, "humidity": 45}, 3_612)) == {"humidity": 45}
    assert values(send(made, "room", {"temperature": 20, "humidity": 45}, 3_620)) == {"temperature": 20}


def test_a_minute_after_the_restart_the_heartbeat_holds_again() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20})
    send(made, "bridge/state", "online", 3_600)
    assert values(send(made, "room", {"temperature": 20}, 3_661)) == {"temperature": 20}


def test_our_own_reconnect_is_no_restart_of_the_bridge() -> None:
    made = bridge(ROOM)
    send(made, "bridge/state", {"state": "online"}, 1, retained=True)
    send(made, "room", {"temperature": 20}, 2)
    send(made, "bridge/state", {"state": "online"}, 400, retained=True)
    assert values(send(made, "room", {"temperature": 20}, 401)) == {"temperature": 20}


def test_a_bridge_that_came_back_while_we_were_away_has_restarted() -> None:
    made = bridge(ROOM)
    send(made, "room", {"temperature": 20}, 2)
    send(made, "bridge/state", {"state": "offline"}, 3)
    send(made, "bridge/state", {"state": "online"}, 400, retained=True)
    assert reasons(send(made, "room", {"temperature": 20}, 401)) == [Reason.UNCHANGED]


def test_memory_survives_a_restart_of_ours() -> None:
    made = bridge(described("plug", binary("occupancy", True, False), numeric("pressure", "kPa")), ROOM)
    send(made, "bridge/groups", [{"id": 1, "friendly_name": "all"}])
    send(made, "bridge/state", "online")
    send(made, "plug", {"pressure": 101.3, "occupancy": True})
    kept = made.state()
    assert made.state() == {}
    send(made, "plug", {"pressure": 101.4, "occupancy": True}, 5)
    changed = made.state()
    assert list(changed) == ["written/plug"]
    after = bridge()
    after.restore(kept | changed)
    assert reasons(send(after, "plug", {"pressure": 101.4, "occupancy": True}, 6)) == [Reason.UNCHANGED]
    assert values(send(after, "plug", {"pressure": 101.5, "occupancy": True}, 7)) == {"pressure": 1015}
    assert reasons(send(after, "all", {"state": "ON"}, 8)) == [Reason.OTHER_ROUTE]
    assert values(send(after, "plug", {"occupancy": True}, 400)) == {"occupied": 1}


def test_a_removed_device_is_forgotten() -> None:
    made = bridge(ROOM)
    made.state()
    topic, payload = encode_devices(BASE, [])
    made.decode(Message(topic, payload, T0))
    assert made.state() == {"plan/room": b""}


def test_retained_without_last_seen_is_no_reading() -> None:
    made = bridge(ROOM)
    assert reasons(send(made, "room", {"temperature": 20}, retained=True)) == [Reason.RETAINED]
    assert reasons(send(made, "room/temperature", "20", retained=True)) == [Reason.RETAINED]
    assert reasons(send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:15:00"}, retained=True)) == [
        Reason.RETAINED
    ]
    seen = send(made, "room", {"temperature": 20, "last_seen": "2026-11-23T10:14:00Z"}, retained=True)
    assert seen.samples[0].time == T0 - 60 * SECOND
