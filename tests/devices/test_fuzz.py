"""The fuzzer's short run, and that it and the recorded messages do what they promise."""

import pytest

from devices.decode import Decoder
from devices.formats import FORMATS
from devices.formats.native import _Native
from devices.message import Decoded, Message, Reading, Sample
from devices.schema import BY_NAME
from tests.devices import recorded
from tests.devices.fuzz import Fuzz
from tests.devices.mutate import Mutator


def test_every_format_has_messages_that_are_stored_by_its_own_source() -> None:
    messages = recorded.every()
    decoder = Decoder(recorded.estate(messages), window=recorded.ANY_TIME)
    stored = recorded.stored(decoder, messages)
    assert {one.format for one in stored} == set(FORMATS)
    for one in stored:
        assert decoder.decode(one.at(recorded.ARRIVAL, 3)).source == f"{recorded.COUNCIL}/{one.format}"


def test_the_same_seed_makes_the_same_messages() -> None:
    messages = recorded.every()
    first, second, other = Mutator(messages, 1), Mutator(messages, 1), Mutator(messages, 2)
    made = [first.message(now) for now in range(500)]
    assert made == [second.message(now) for now in range(500)]
    assert made != [other.message(now) for now in range(500)]


def test_garbage_neither_raises_nor_spoils_a_line_nor_leaves_a_source_unable_to_read() -> None:
    fuzz = Fuzz(seed=20_261_124)
    fuzz.run(10_000)
    fuzz.run(10_000)
    assert fuzz.stored > 2_000


@pytest.mark.parametrize(
    ("decoded", "fault"),
    [
        (Decoded("room-000", [Sample([Reading(BY_NAME["temperature"], 20.0, "a\n")])]), None),
        (Decoded("room-000"), "neither a value nor a reason"),
        (None, "KeyError"),
    ],
)
def test_a_fault_is_found_and_told_with_its_message(
    monkeypatch: pytest.MonkeyPatch, decoded: Decoded | None, fault: str | None
) -> None:
    def decode(self: _Native, message: Message) -> Decoded:
        if decoded is None:
            raise KeyError(message.topic)
        return decoded

    fuzz = Fuzz(1, ("native",))
    monkeypatch.setattr(_Native, "decode", decode)
    if fault is None:
        fuzz.run(100)
        return
    with pytest.raises(AssertionError, match=fault) as raised:
        fuzz.run(100)
    assert "payload base64" in str(raised.value)
