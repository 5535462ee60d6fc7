"""How far a healthy device's own clock is off: a quartz runs wrong, and is set right from time to time.

A watch quartz of 32,768 Hz is within 20 ppm (1.7 s a day); a server's clock is steered by NTP and only jitters; NTP
over Wi-Fi sets a clock to some hundredths of a second. What the network stamps (LoRaWAN) has no clock of its own.
"""

from typing import Final, NamedTuple

import numpy as np

from devices.model import Device
from simulators.noise import Floats, Ints, Keys, key, keys, spreads


class Clock(NamedTuple):
    """What the clocks of one format are like."""

    ppm: float
    """at most, either way"""
    synchronised_s: int
    """how often it is set right"""
    error_ms: float
    """of setting it, at most"""
    shared: bool
    """one gateway's clock for all devices of a source"""


_STEADY: Final = Clock(0.0, 3_600, 0.0, shared=True)
_CLOCKS: Final = {
    "native": Clock(20.0, 86_400, 50.0, shared=False),
    "shelly2": Clock(20.0, 3_600, 50.0, shared=False),
    "tasmota": Clock(20.0, 3_600, 50.0, shared=False),
    "zigbee2mqtt": Clock(0.0, 1_024, 10.0, shared=True),
    "sparkplug": Clock(0.0, 1_024, 10.0, shared=True),
    "senml": Clock(20.0, 86_400, 50.0, shared=True),
}
"""By format. Tasmota asks NTP each hour and Shelly about as often; once a day is usual of small loggers, and of ours;
1,024 s is NTP's longest poll."""


class Clocks:
    """The clocks of some devices, one element each.

    Args:
        formats: of their sources.
    """

    def __init__(self, devices: list[Device], formats: list[str], seed: int) -> None:
        about = [_CLOCKS.get(form, _STEADY) for form in formats]
        self._of = keys(
            [
                key(seed, device.council, "clock", device.source if clock.shared else device.id)
                for device, clock in zip(devices, about, strict=True)
            ]
        )
        self._ppm = np.array([clock.ppm for clock in about]) * 2 * (_fixed(self._of) - 0.5)
        self._every_ms = np.array([clock.synchronised_s * 1_000 for clock in about], dtype=np.int64)
        self._begun_ms = (self._of % self._every_ms.astype(np.uint64)).astype(np.int64)
        self._error_ms = np.array([clock.error_ms for clock in about])

    def claimed_ms(self, device: Ints, at: Ints) -> Ints:
        """What the devices say that the time is at `at` (seconds since 1970), in milliseconds since 1970."""
        true = at * 1_000
        count, since = np.divmod(true - self._begun_ms[device], self._every_ms[device])
        error = self._error_ms[device] * spreads(self._of[device], count, stream=1)
        return true + np.round(error + self._ppm[device] * since / 1e6).astype(np.int64)


def _fixed(of: Keys) -> Floats:
    return (of >> np.uint64(11)).astype(np.float64) * 2.0**-53
