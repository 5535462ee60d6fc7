"""ChirpStack v4, and v3: LoRaWAN events as JSON.

    application/<application id>/device/<DevEUI>/event/up

The base topic is `application`, behind a prefix where the server is set so. The address of a device is its DevEUI in
lower case. The server can also be set to publish protobuf: that is refused with the mend, because the two cannot be
mixed on one topic and JSON is the default. In version 3 the DevEUI is base64, the decoded object is text inside the
JSON, and only the gateways tell the time. Source: chirpstack-docs, "Event types".
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from devices.devicemodel import Model
from devices.formats.networkserver import DEV_EUI, NetworkServer, earliest
from devices.lorawan import (
    Uplink,
    base64_bytes,
    believed,
    best_gateway,
    child,
    encode_object,
    network_time,
    number,
    objects,
    pick_model,
    read_uplink,
)
from devices.message import Decoded, Message, Reading, Reason, Reject, Sample, Source, SourceConfig, TimeSource
from devices.payload import read_object
from devices.schema import BY_NAME
from devices.text import json_fault, printable
from devices.timestamps import to_rfc3339

DEFAULT_TOPIC: Final = "application"

_LEVELS: Final = re.compile(
    r"(?:[^/]+/)?device/(?P<device>[^/]+)/(?P<kind>event/[^/]+|command/.+|rx|join|status|ack|error)"
)
_LONGEST_EUI: Final = 64
"""characters; what is longer is no DevEUI in any spelling"""
_JOIN: Final = ("event/join", "join")
_STATUS: Final = ("event/status", "status")
_READ: Final = frozenset({"event/up", "rx", *_STATUS})
_PROTOBUF: Final = "not JSON, perhaps protobuf: set `json=true` in the server's MQTT integration"


def source(config: SourceConfig) -> Source:
    """Events of one server, or of one application of it."""
    return _ChirpStack(config)


class _ChirpStack(NetworkServer):
    __slots__ = ()

    def __init__(self, config: SourceConfig) -> None:
        base = config.topic or DEFAULT_TOPIC
        whole = f"{base}/+/device/+/event/" if base.split("/")[-1] == DEFAULT_TOPIC else f"{base}/device/+/event/"
        super().__init__(base, _LEVELS, (f"{whole}up", f"{whole}status"), config.models)

    def read(self, device: str, kind: str, message: Message) -> Decoded:
        if kind not in _READ:
            return Decoded(rejects=[_not_read(kind)])
        body = read_object(message.payload)
        if isinstance(body, Reject):
            protobuf = message.payload[:1] not in (b"", b"{", b"[")
            return Decoded(rejects=[Reject(Reason.MALFORMED, _PROTOBUF) if protobuf else body])
        address = _address(body, device)
        if address not in self.models and not DEV_EUI.fullmatch(address):
            return Decoded(rejects=[Reject(Reason.MALFORMED, "no DevEUI of 16 hexadecimal digits")])
        if kind in _STATUS:
            return _status(body, address)
        return self._uplink(body, address, message.received)

    def _uplink(self, body: Mapping[str, Any], address: str, received: int) -> Decoded:
        rejects: list[Reject] = []
        frame = base64_bytes(body.get("data"))
        count = body.get("fCnt", 0) if isinstance(body.get("fCnt", 0), int) else 0
        time, time_source = _time(body)
        info = child(body, "deviceInfo")
        model = pick_model(self.models.get(address), info.get("deviceProfileName"), body.get("deviceProfileName"))
        identity = (address, model, str(body.get("deduplicationId") or time), count, frame)
        if self.seen.before(identity, received):
            return Decoded(address, rejects=[Reject(Reason.UNCHANGED, f"frame {count} came before")])
        port = body.get("fPort", 0)
        return read_uplink(
            Uplink(
                address=address,
                port=port if isinstance(port, int) else 0,
                frame=frame,
                decoded=_object(body, rejects),
                model=model,
                time=time,
                time_source=time_source,
                radio=best_gateway(body.get("rxInfo"), "snr" if "deviceInfo" in body else "loRaSNR"),
                rejects=rejects,
            )
        )


def _not_read(kind: str) -> Reject:
    if kind.startswith("command/"):
        return Reject(Reason.COMMAND, "a message to the device")
    if kind in _JOIN:
        return Reject(Reason.PRESENCE, "the device joined the network")
    return Reject(Reason.NO_VALUE, f"{printable(kind)} holds no reading")


def _address(body: Mapping[str, Any], topic_level: str) -> str:
    """The DevEUI: in v4 hexadecimal in `deviceInfo`, in v3 base64 (some bridges: hexadecimal) in `devEUI`."""
    told = child(body, "deviceInfo").get("devEui") or body.get("devEUI") or topic_level
    if not isinstance(told, str) or len(told) > _LONGEST_EUI:
        return ""
    return _dev_eui(told)


@lru_cache(maxsize=16_384)
def _dev_eui(told: str) -> str:
    if DEV_EUI.fullmatch(told.lower()):
        return told.lower()
    return (base64_bytes(told) or b"").hex()


def _object(body: Mapping[str, Any], rejects: list[Reject]) -> Mapping[str, Any] | None:
    decoded = body.get("object")
    text = body.get("objectJSON")
    if decoded is None and isinstance(text, str) and text:
        try:
            decoded = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            rejects.append(Reject(Reason.MALFORMED, f"objectJSON is {json_fault(error)}"))
    return decoded if type(decoded) is dict and decoded else None


def _time(body: Mapping[str, Any]) -> tuple[int | None, TimeSource]:
    time = network_time(body.get("time"))
    if time is not None:
        return time, TimeSource.NETWORK
    heard = objects(body.get("rxInfo"))
    return believed(earliest(heard, "gwTime", "time"), earliest(heard, "nsTime"))


def _status(body: Mapping[str, Any], address: str) -> Decoded:
    """The battery as the device told the network (LoRaWAN DevStatusAns); 0 on mains power is no empty battery."""
    level = number(body.get("batteryLevel", 0))
    if body.get("externalPowerSource") is True:
        return Decoded(address, rejects=[Reject(Reason.NO_VALUE, "the device has no battery: external power")])
    if body.get("batteryLevelUnavailable") is True or level is None:
        return Decoded(address, rejects=[Reject(Reason.NO_VALUE, "the device cannot tell its battery")])
    time, time_source = _time(body)
    return Decoded(address, [Sample([Reading(BY_NAME["battery"], level)], time, time_source)])


def encode(
    application: str,
    dev_eui: str,
    model: Model,
    readings: Iterable[Reading],
    time_ns: int,
    count: int,
    *,
    port: int = 1,
    profile: str = "",
) -> tuple[str, bytes]:
    """Topic and payload of a v4 uplink whose codec made `object` of `readings`.

    Args:
        profile: name of the device profile; where it names the model, the registry need not.

    Raises:
        LookupError: the model does not measure one of the readings.
    """
    stamp = to_rfc3339(time_ns)
    body = {
        "deduplicationId": f"{dev_eui[:8]}-{dev_eui[8:12]}-4000-8000-{count & 0xFFFF_FFFF_FFFF:012x}",
        "time": stamp,
        "deviceInfo": {"applicationId": application, "deviceProfileName": profile, "devEui": dev_eui.lower()},
        "fCnt": count,
        "fPort": port,
        "object": encode_object(model, readings),
    }
    return f"{DEFAULT_TOPIC}/{application}/device/{dev_eui.lower()}/event/up", orjson.dumps(body)
