"""What LoRaWAN network servers have in common: an uplink with bytes, perhaps a decoded object, and a device model.

Ways to read an uplink, in this order; the first that gives a reading is taken, so no value is counted twice:

1. the server's decoded object, by the device's model;
2. what the server normalised (The Things Stack);
3. the bytes, by the codec of the model;
4. the decoded object, by the few names that mean the same everywhere.

The model is the registry's, else the one that the message names.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

from devices import codecs, units
from devices.devicemodel import Model, find, merge_alone
from devices.message import Decoded, Reading, Reason, Reject, Sample, TimeSource
from devices.modelfile import ModelFile, read
from devices.normalise import capped, normalise
from devices.schema import BY_NAME
from devices.text import printable
from devices.timestamps import SECOND, from_rfc3339

MAX_REMEMBERED: Final = 20_000
"""uplinks remembered to tell duplicates"""

LORAWAN_EPOCH: Final = 1_420_070_400 * SECOND
"""2015: what says that it was earlier has no clock"""
GATEWAY_DRIFT: Final = 60 * SECOND
"""a gateway's clock further than this from the network's is not believed"""

_RSSI, _SNR = BY_NAME["rssi"], BY_NAME["snr"]
_UNSPOKEN: Final = re.compile(r"[\s_-]+")
Route = tuple[list[Sample], list[Reject]]


@dataclass(slots=True)
class Uplink:
    """One uplink as a server's format reads it."""

    address: str
    """DevEUI, 16 lower-case hexadecimal digits"""
    port: int
    frame: bytes | None
    decoded: Mapping[str, Any] | None
    model: str
    """as the registry or the message names it; empty where neither does"""
    time: int | None
    time_source: TimeSource
    normalised: Callable[[], Route | None] = lambda: None
    """reads what the server normalised; asked only where the model reads nothing"""
    radio: tuple[float | None, float | None] = (None, None)
    """RSSI dBm and SNR dB at the gateway that heard it best"""
    rejects: list[Reject] = field(default_factory=list)


def read_uplink(uplink: Uplink) -> Decoded:
    """The readings of an uplink. Stored records keep their own time; the rest has the network's."""
    model = find(uplink.model)
    samples, rejects = _first(uplink, model)
    for sample in samples:
        if sample.time is None:
            sample.time, sample.time_source = uplink.time, uplink.time_source
    if samples and samples[0].time == uplink.time:
        _add_radio(samples[0].readings, *uplink.radio)
    if not samples and not rejects and not uplink.rejects:
        rejects = [Reject(Reason.NO_VALUE, "an uplink without readings")]
    return Decoded(uplink.address, samples, capped(uplink.rejects + rejects))


def _first(uplink: Uplink, model: Model | None) -> Route:
    complaints: list[Reject] = []
    for route in (_by_model, _by_server, _by_bytes, _by_convention):
        found = route(uplink, model)
        if found is not None:
            if found[0]:
                return found
            complaints += found[1]
    if model is None and not complaints and (uplink.frame or uplink.decoded):
        complaints = [Reject(Reason.UNKNOWN_FIELD, _no_model(uplink))]
    return [], complaints


def _no_model(uplink: Uplink) -> str:
    said = f"no model file for {printable(uplink.model, 60)!r}" if uplink.model else "nobody names the device's model"
    return (
        f"port {uplink.port}: {said}: set `model` of {uplink.address} in the registry, or add a file to devices/models"
    )


def _by_model(uplink: Uplink, model: Model | None) -> Route | None:
    return None if model is None or uplink.decoded is None else normalise(model, uplink.decoded, uplink.time)


def _by_server(uplink: Uplink, model: Model | None) -> Route | None:
    del model
    return uplink.normalised()


def _by_bytes(uplink: Uplink, model: Model | None) -> Route | None:
    if model is None or not uplink.frame:
        return None
    if not model.codec:
        detail = f"{model.name} has no byte codec: let the server decode it"
        return None if uplink.decoded else ([], [Reject(Reason.UNKNOWN_FIELD, detail)])
    frame = codecs.decode(model.codec, uplink.frame, uplink.port, model.layout)
    if frame.complaint and not model.described:
        detail = (
            f"{frame.complaint}, and {printable(uplink.model, 60)!r} has no model file: nothing of the frame is read"
        )
        return [], [Reject(Reason.MALFORMED, detail)]
    samples, rejects = normalise(model, frame.values, uplink.time)
    for time, values in frame.history:
        stored, faults = normalise(model, values, uplink.time)
        rejects += faults
        samples += [Sample(sample.readings, time, TimeSource.DEVICE) for sample in stored]
    if frame.complaint:
        rejects.append(Reject(Reason.MALFORMED, f"{model.name}: {frame.complaint}"))
    return samples, rejects


def _by_convention(uplink: Uplink, model: Model | None) -> Route | None:
    if uplink.decoded is None or model is not None:
        return None
    plain = {_UNSPOKEN.sub("", key).lower(): value for key, value in uplink.decoded.items()}
    samples, rejects = normalise(conventions(), plain, uplink.time)
    unmapped = [
        Reject(r.reason, f"{r.detail}; {_no_model(uplink)}") if r.reason is Reason.UNKNOWN_FIELD else r for r in rejects
    ]
    return samples, unmapped


@cache
def conventions() -> Model:
    """The names that mean the same whoever sends them: `models/conventions.yaml`."""
    return merge_alone(read(ModelFile, files("devices") / "models" / "conventions.yaml"))


def _add_radio(readings: list[Reading], rssi: float | None, snr: float | None) -> None:
    if rssi is not None and _RSSI.low <= rssi <= _RSSI.high:
        readings.append(Reading(_RSSI, rssi))
    if snr is not None and _SNR.low <= snr <= _SNR.high:
        readings.append(Reading(_SNR, snr))


def best_gateway(heard: object, snr_key: str) -> tuple[float | None, float | None]:
    """RSSI and SNR where the signal was strongest."""
    best, rssi = None, None
    strongest = float("-inf")
    for gateway in objects(heard):
        told = number(gateway.get("rssi"))
        strength = -1e9 if told is None else told
        if strength > strongest:
            strongest, best, rssi = strength, gateway, told
    return (None, None) if best is None else (rssi, number(best.get(snr_key)))


def number(value: object) -> float | None:
    """A JSON number, or None."""
    return float(value) if (type(value) is float or type(value) is int) and -1e18 < value < 1e18 else None


def objects(value: object) -> list[Mapping[str, Any]]:
    """The JSON objects in a JSON array, at most a hundred; empty where it is no array."""
    return [item for item in value[:100] if type(item) is dict] if type(value) is list else []


def child(value: object, key: str) -> Mapping[str, Any]:
    """The JSON object at `key` of a JSON object, empty where there is none."""
    inner = value.get(key) if type(value) is dict else None
    return inner if type(inner) is dict else {}


def base64_bytes(text: object) -> bytes | None:
    """Bytes of base64 with or without padding; None where it is none."""
    if not isinstance(text, str) or len(text) > 4096:
        return None
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (Base64Error, ValueError):
        return None


def network_time(stamp: object) -> int | None:
    """An RFC 3339 time since LoRaWAN exists, ns; None where it is none, so that the next best can be asked."""
    if not isinstance(stamp, str) or len(stamp) > 64:
        return None
    try:
        time = from_rfc3339(stamp)
    except ValueError:
        return None
    return time if time >= LORAWAN_EPOCH else None


def pick_model(*names: object) -> str:
    """The first name that a model file answers to; else the first name at all, so that a reject can show it."""
    first = ""
    for name in names:
        if isinstance(name, str) and name:
            if find(name):
                return name
            first = first or name
    return first


def believed(gateway: int | None, network: int | None) -> tuple[int | None, TimeSource]:
    """The time of an uplink: the gateway's where its clock agrees with the network's, which is the finer one."""
    if gateway is not None and (network is None or abs(gateway - network) <= GATEWAY_DRIFT):
        return gateway, TimeSource.GATEWAY
    return network, TimeSource.NETWORK if network is not None else TimeSource.ARRIVAL


def encode_object(model: Model, readings: Iterable[Reading]) -> dict[str, float | str]:
    """The decoded object that the maker's decoder would make of `readings`.

    Raises:
        LookupError: the model does not measure one of them.
    """
    words: dict[str, float | str] = {}
    for field_, value, channel in readings:
        key, rule = next(
            (
                (key, rule)
                for key, rule in model.fields.items()
                if rule.field == field_.name and rule.channel == channel
            ),
            (None, None),
        )
        if key is None or rule is None:
            raise LookupError(f"{model.name} has no {field_.name} {channel}".rstrip())
        if rule.states:
            words[key] = next(said for said, state in rule.states.items() if state == value)
        else:
            words[key] = units.convert(value, field_.unit, rule.unit or field_.unit) / rule.scale
    return words


class Seen:
    """Tells an uplink that came before.

    The very same message again (same time of arrival) is a replay from quarantine and no duplicate.
    """

    __slots__ = ("_arrivals",)

    def __init__(self) -> None:
        self._arrivals: OrderedDict[tuple[object, ...], int] = OrderedDict()

    def before(self, identity: tuple[object, ...], received: int) -> bool:
        """Whether `identity` arrived at another time; remembers it otherwise."""
        first = self._arrivals.setdefault(identity, received)
        if len(self._arrivals) > MAX_REMEMBERED:
            self._arrivals.popitem(last=False)
        return first != received
