"""Which wishes for a rebirth are granted, and when."""

from collections.abc import Iterator

from devices.timestamps import SECOND
from ingest import rebirths
from ingest.rebirths import Rebirths
from tests.ingest.estates import NOW

NODE = "spBv1.0/g/NCMD/n"


def asked(made: Rebirths, now: int, *topics: str, chance: float = 0.0) -> list[str]:
    """Wish for these, send what is granted."""
    made.wish([(topic, b"x") for topic in topics])
    found = []
    for topic, _ in made.granted(now, chance):
        made.sent(topic, now)
        found.append(topic)
    return found


def seconds(made: Rebirths, until: int, chance: float = 0.0) -> Iterator[int]:
    """When a node that wishes each second is asked."""
    for second in range(until):
        if asked(made, NOW + second * SECOND, NODE, chance=chance):
            yield second


def test_the_pauses_of_one_edge_node_double_up_to_an_hour() -> None:
    assert list(seconds(Rebirths(), 18_000)) == [0, 60, 180, 420, 900, 1_860, 3_780, 7_380, 10_980, 14_580]


def test_jitter_makes_a_pause_up_to_a_quarter_longer() -> None:
    assert list(seconds(Rebirths(), 500, chance=1.0)) == [0, 75, 225]


def test_after_two_hours_of_rest_an_edge_node_begins_anew() -> None:
    made = Rebirths()
    list(seconds(made, 1_000))
    later = NOW + 900 * SECOND + 7_200 * SECOND
    assert asked(made, later + SECOND, NODE) == [NODE]
    assert asked(made, later + 60 * SECOND, NODE) == []
    assert asked(made, later + 61 * SECOND, NODE) == [NODE]


def test_edge_nodes_do_not_wait_for_each_other_and_a_batch_asks_each_once() -> None:
    assert asked(Rebirths(), NOW, NODE, NODE, f"{NODE}2") == [NODE, f"{NODE}2"]


def test_what_was_not_sent_may_be_asked_at_once() -> None:
    made = Rebirths()
    made.wish([(NODE, b"x")])
    assert list(made.granted(NOW, 0.0)) == [(NODE, b"x")]
    assert asked(made, NOW) == []
    assert asked(made, NOW + 1, NODE) == [NODE]


def test_invented_names_make_no_flood() -> None:
    made = Rebirths()
    start = NOW - NOW % (60 * SECOND)
    names = [f"spBv1.0/g/NCMD/{n}" for n in range(3 * rebirths.MOST_A_MINUTE)]
    assert asked(made, start, *names) == names[: rebirths.MOST_A_MINUTE]
    assert asked(made, start + 59 * SECOND, NODE) == []
    assert asked(made, start + 60 * SECOND, NODE) == [NODE]
    for minute in range(1, 40):
        asked(made, start + minute * 60 * SECOND, *(f"{name}/{minute}" for name in names))
    assert len(made._asked) == rebirths.MOST_NODES


def test_turned_off_it_asks_nobody() -> None:
    assert asked(Rebirths(enabled=False), NOW, NODE) == []
