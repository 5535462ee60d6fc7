"""Silence becomes visible: the status line of each device, and what counts as having heard it."""

from devices.decode import Decoder
from devices.message import Message
from devices.timestamps import SECOND
from ingest.fleet import Fleet
from ingest.lineprotocol import Tags
from ingest.receive import digest
from ingest.session import Delivery
from ingest.silence import MISSED
from tests.ingest.estates import BUILDING, COUNCIL, INTERVAL, NOW, device, estate

LIMIT = MISSED * INTERVAL * SECOND
HEAD = "device,building=sim-hall,council=sim-moor,device=a,level=ground,model=Tolbooth\\ room-sensor,space=room"


def told(fleet: Fleet, *messages: Message) -> None:
    """Let the first loop take these messages."""
    known = estate(device("a"))
    deliveries = [Delivery(message, 0, False) for message in messages]
    digest(deliveries, Decoder(known), Tags(known), {}, fleet.note)


def message(body: bytes, at: int, *, last: str = "readings", retained: bool = False) -> Message:
    return Message(f"tolbooth/v1/{COUNCIL}/{BUILDING}/a/{last}", body, at, retained)


def status(fleet: Fleet, at: int) -> str:
    (line,) = fleet.status_lines(at, Tags(estate(device("a"))))
    assert line.startswith(HEAD + " ")
    return line.removeprefix(HEAD + " ").removesuffix(f" {at}")


def test_a_device_never_heard_is_offline_and_has_no_age() -> None:
    assert status(Fleet(estate(device("a"))), NOW) == "online=0.0,silent=0.0"


def test_age_and_who_told_the_time() -> None:
    fleet = Fleet(estate(device("a")))
    told(fleet, message(b'{"temperature":20}', NOW))
    assert status(fleet, NOW + 61 * SECOND) == "online=1.0,age_s=61.0,own_time=0.0,silent=0.0"
    told(fleet, message(b'{"time":%d,"temperature":20}' % (NOW // 1_000_000), NOW + 2 * SECOND))
    assert status(fleet, NOW + 3 * SECOND) == "online=1.0,age_s=1.0,own_time=1.0,silent=0.0"


def test_online_for_three_intervals() -> None:
    fleet = Fleet(estate(device("a")))
    told(fleet, message(b'{"temperature":20}', NOW))
    assert (fleet.online(NOW + LIMIT), fleet.online(NOW + LIMIT + 1)) == (1, 0)


def test_a_will_ends_it_at_once_and_a_reading_brings_it_back() -> None:
    fleet = Fleet(estate(device("a")))
    told(fleet, message(b'{"temperature":20}', NOW), message(b"offline", NOW + 1, last="status"))
    assert fleet.online(NOW + 2) == 0
    told(fleet, message(b'{"temperature":20}', NOW + 3))
    assert fleet.online(NOW + 4) == 1


def test_a_bad_message_is_a_sign_of_life_too() -> None:
    fleet = Fleet(estate(device("a")))
    told(fleet, message(b'{"temperature":900}', NOW))
    assert fleet.online(NOW + 1) == 1


def test_who_clears_a_retained_message_is_not_its_device() -> None:
    fleet = Fleet(estate(device("a")))
    told(fleet, message(b"", NOW), message(b"", NOW, last="status"))
    assert fleet.online(NOW + 1) == 0


def test_what_the_broker_retains_is_no_sign_of_life() -> None:
    fleet = Fleet(estate(device("a")))
    told(fleet, message(b'{"temperature":20}', NOW))
    later = NOW + 10 * LIMIT
    told(
        fleet,
        message(b'{"temperature":20}', later, retained=True),
        message(b"online", later, last="status", retained=True),
        message(b'{"time":%d,"temperature":20}' % (NOW // 1_000_000), later, retained=True),
    )
    assert fleet.online(later) == 0
    assert status(fleet, later).startswith(f"online=0.0,age_s={10 * LIMIT / SECOND},")


def test_a_retained_reading_was_heard_when_it_says() -> None:
    fleet = Fleet(estate(device("a")))
    told(fleet, message(b'{"time":%d,"temperature":20}' % (NOW // 1_000_000), NOW + LIMIT, retained=True))
    assert status(fleet, NOW + LIMIT).startswith(f"online=1.0,age_s={LIMIT / SECOND},")


def test_a_retained_offline_counts_though_nobody_knows_when_it_was_said() -> None:
    fleet = Fleet(estate(device("a")))
    told(fleet, message(b'{"temperature":20}', NOW), message(b"offline", NOW + 1, last="status", retained=True))
    assert fleet.online(NOW + 2) == 0
    told(fleet, message(b'{"temperature":20}', NOW + 3, retained=True))
    assert fleet.online(NOW + 4) == 0


def test_a_restart_remembers() -> None:
    before = Fleet(estate(device("a")))
    told(before, message(b'{"temperature":20}', NOW), message(b"offline", NOW + 1, last="status"))
    after = Fleet(estate(device("a")), before.heard())
    assert status(after, NOW + SECOND) == status(before, NOW + SECOND) == "online=0.0,age_s=1.0,own_time=0.0,silent=0.0"


def test_a_device_without_a_place_has_no_line() -> None:
    moved = estate(device("a", end=NOW))
    assert Fleet(moved).status_lines(NOW, Tags(moved)) == []
    assert len(Fleet(moved).status_lines(NOW - 1, Tags(moved))) == 1
