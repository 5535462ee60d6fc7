"""An empty payload clears what the broker had kept: in no format is that a fault of a device."""

import pytest

from devices.decode import Decoder
from devices.formats import FORMATS
from devices.message import REFUSED
from tests.devices import recorded
from tests.devices.recorded import ARRIVAL, HOUR


@pytest.mark.parametrize("name", FORMATS)
def test_whatever_is_cleared_is_refused_and_not_quarantined(name: str) -> None:
    messages = sorted(recorded.recorded(name), key=lambda one: one.describes)
    decoder = Decoder(recorded.estate(messages), window=recorded.ANY_TIME)
    for one in reversed(messages):
        decoder.decode(one.at(ARRIVAL, 1))
    for one in [*messages, *messages]:  # once described, and once with the descriptions cleared
        outcome = decoder.decode(one.at(ARRIVAL + HOUR, 2)._replace(payload=b"", retained=False))
        assert outcome.placed or outcome.rejects
        assert not outcome.rejects or {reject.reason for reject in outcome.rejects} <= REFUSED
