"""Healthy clocks: a little off, never far."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from devices.decode import Window
from devices.model import Device, DeviceKind
from devices.timestamps import SECOND
from simulators.clocks import Clocks

BEGIN = 1_768_176_000


def _device(name: str) -> Device:
    return Device(name, "sim", DeviceKind.ROOM_SENSOR, "x", "gateway", name, 60, ())


@given(st.integers(-(2**31), 2**31), st.lists(st.integers(0, 31_557_600), min_size=1, max_size=50))
def test_a_clock_is_off_by_what_its_quartz_and_ntp_allow(seed: int, later: list[int]) -> None:
    """20 ppm for at most a day, and 50 ms from setting it; an hour for Shelly and Tasmota; a server within 10 ms."""
    formats = ["native", "shelly2", "tasmota", "zigbee2mqtt", "senml", "thethingsstack"]
    most_ms = [1_778, 122, 122, 10, 1_778, 0]
    clocks = Clocks([_device(name) for name in formats], formats, seed)
    at = BEGIN + np.array(later)
    for number, most in enumerate(most_ms):
        device = np.full(len(at), number)
        off = clocks.claimed_ms(device, at) - at * 1_000
        assert (np.abs(off) <= most).all()
        assert most * 1_000_000 < Window().future
        assert most * SECOND / 1_000 < Window().past


def test_healthy_clocks_differ_and_wander() -> None:
    clocks = Clocks([_device(str(n)) for n in range(200)], ["native"] * 200, 1)
    device = np.arange(200)
    morning, evening = (clocks.claimed_ms(device, np.full(200, BEGIN + h * 3_600)) - (BEGIN + h * 3_600) * 1_000
                        for h in (1, 9))  # fmt: skip
    assert np.abs(morning).max() > 500
    assert 200 < np.abs(morning).mean() < 800
    assert (morning != evening).mean() > 0.95


def test_one_gateway_has_one_clock() -> None:
    clocks = Clocks([_device("a"), _device("b")], ["senml", "senml"], 1)
    at = np.full(2, BEGIN)
    a, b = clocks.claimed_ms(np.arange(2), at).tolist()
    assert a == b
