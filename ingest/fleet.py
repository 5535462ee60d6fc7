"""When each device was last heard, and the status line that says so every minute: silence is visible as data.

Neither InfluxDB nor Grafana notices one device of many going quiet. The registry knows the expected interval.
"""

from collections.abc import Container, Iterable, Iterator

from devices.decode import Placed
from devices.message import Reading, TimeSource
from devices.model import Assignment, Device, Estate
from devices.schema import BY_NAME
from devices.timestamps import SECOND
from ingest.heard import Heard
from ingest.lineprotocol import Tags, lines
from ingest.silence import MISSED, Due, Key

_ONLINE, _AGE, _OWN_TIME, _SILENT = (BY_NAME[name] for name in ("online", "age", "own_time", "silent"))


class Fleet:
    """The registered devices and when each was heard.

    Args:
        heard: what an earlier run saved.
    """

    def __init__(self, estate: Estate, heard: Iterable[Heard] = ()) -> None:
        self._devices = [device for council in estate.councils.values() for device in council.devices.values()]
        self._heard: dict[tuple[str, str], tuple[int, bool, bool | None]] = {
            (h.council, h.device): (h.time, h.own_time, h.online) for h in heard
        }
        self.offline: dict[Key, int] = {}
        """(council, source) → since when a source says of itself that it is offline, ns"""

    def note(self, device: Device, heard: int, own_time: bool, presence: bool | None) -> None:
        """`device` was heard at `heard`, ns; 0 where nobody knows when. An older time than known changes none."""
        key = (device.council, device.id)
        known = self._heard.get(key)
        if known is not None and heard < known[0]:
            heard, own_time, before = known
            presence = before if presence is None else presence
        elif presence is None and known is not None and known[2] is False:
            presence = True
        self._heard[key] = (heard, own_time, presence)

    def note_source(self, source: str, at: int, online: bool) -> None:
        """The source `council/source` said at `at` (ns) whether it is online."""
        council, _, name = source.partition("/")
        if online:
            self.offline.pop((council, name), None)
        else:
            self.offline.setdefault((council, name), at)

    def due(self, now: int) -> Iterator[Due]:
        """The devices that ought to be sending at `now` (ns): they have a place, and are not planned to be absent.

        `since` is 0 for a device that was never heard.
        """
        for device in self._devices:
            place = _place(device, now)
            if place is None or any(start <= now < end for start, end in device.absences):
                continue
            heard = self._heard.get((device.council, device.id), (0,))[0]
            if heard:
                heard = max(heard, place.start, *(end for _, end in device.absences if end <= now))
            yield Due(device.council, device.source, device.id, device.interval * SECOND, heard)

    def heard(self) -> list[Heard]:
        """What to save."""
        return [Heard(council, device, *known) for (council, device), known in self._heard.items()]

    def status_lines(self, now: int, tags: Tags, silent: Container[Key] = frozenset()) -> list[str]:
        """A line for each device that has a place at `now` (ns); `silent` are those that an alarm holds for."""
        return lines(self._status(now, silent), tags)

    def online(self, now: int) -> int:
        """How many devices are online."""
        return sum(self._is_online(device, now) for device in self._devices)

    def __len__(self) -> int:
        return len(self._devices)

    def _status(self, now: int, silent: Container[Key]) -> Iterator[Placed]:
        for device in self._devices:
            place = _place(device, now)
            if place is None:
                continue
            readings = [Reading(_ONLINE, float(self._is_online(device, now)))]
            known = self._heard.get((device.council, device.id))
            if known is not None and known[0]:
                readings.append(Reading(_AGE, max(0.0, round((now - known[0]) / SECOND, 3))))
                readings.append(Reading(_OWN_TIME, float(known[1])))
            readings.append(Reading(_SILENT, float((device.council, device.id) in silent)))
            yield Placed(device, place, now, TimeSource.ARRIVAL, readings)

    def _is_online(self, device: Device, now: int) -> bool:
        known = self._heard.get((device.council, device.id))
        if known is None or known[2] is False:
            return False
        return now - known[0] <= MISSED * device.interval * SECOND


def _place(device: Device, now: int) -> Assignment | None:
    return next((a for a in device.assignments if a.start <= now < a.end), None)
