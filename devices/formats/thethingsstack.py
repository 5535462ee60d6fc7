"""The Things Stack v3 (The Things Network): LoRaWAN uplinks as JSON.

    v3/<application>@<tenant>/devices/<device id>/up

The base topic is `v3`, or `v3/<application>@<tenant>` for one application (`v3/<application>` on single-tenant
installations). The address of a device is its DevEUI in lower case. Only `up` is read: `up/normalized` says the same
again, one message for each measurement. proto3's JSON leaves out zeros, so an absent `f_port` or `f_cnt` is 0; what a
decoder made (`decoded_payload`) keeps them. Source: lorawan-stack, pkg/applicationserver/io/mqtt; lorawan-devices,
lib/payload.json.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from devices.devicemodel import Model
from devices.formats.networkserver import DEV_EUI, NetworkServer, earliest
from devices.lorawan import (
    Route,
    Uplink,
    base64_bytes,
    believed,
    best_gateway,
    child,
    encode_object,
    network_time,
    objects,
    pick_model,
    read_uplink,
)
from devices.message import Decoded, Message, Reading, Reason, Reject, Sample, Source, SourceConfig, TimeSource
from devices.modelfile import Rule
from devices.normalise import Value, read
from devices.payload import read_object
from devices.schema import BY_NAME
from devices.text import printable
from devices.timestamps import to_rfc3339

DEFAULT_TOPIC: Final = "v3"

_LEVELS: Final = re.compile(r"(?:[^/]+/)?devices/(?P<device>[^/]+)/(?P<kind>.+)")
_OTHER: Final[Mapping[str, tuple[Reason, str]]] = {
    "up/normalized": (Reason.OTHER_ROUTE, "`up` says the same"),
    "location/solved": (Reason.NO_VALUE, "a location"),
    "service/data": (Reason.NO_VALUE, "data of a service"),
}
_OPEN: Final = {"open": 1.0, "closed": 0.0}
VOLTS_AT_MOST: Final = 10.0
"""a normalised `battery` is volts by the schema, but some decoders write percent there"""


def source(config: SourceConfig) -> Source:
    """Uplinks of one server, or of one application of it."""
    return _TheThingsStack(config)


class _TheThingsStack(NetworkServer):
    __slots__ = ()

    def __init__(self, config: SourceConfig) -> None:
        base = config.topic or DEFAULT_TOPIC
        application = "" if base.split("/")[-1] == DEFAULT_TOPIC else None
        filters = (f"{base}/devices/+/up" if application is None else f"{base}/+/devices/+/up",)
        super().__init__(base, _LEVELS, filters, config.models)

    def read(self, device: str, kind: str, message: Message) -> Decoded:
        if kind != "up":
            return _not_uplink(kind)
        body = read_object(message.payload)
        if isinstance(body, Reject):
            return Decoded(rejects=[body])
        if not isinstance(body.get("uplink_message"), dict):
            return Decoded(
                rejects=[Reject(Reason.MALFORMED, "no uplink_message: is this an uplink of The Things Stack?")]
            )
        return self._uplink(body, device, message.received)

    def _uplink(self, body: Mapping[str, Any], device: str, received: int) -> Decoded:
        said, uplink = child(body, "end_device_ids"), child(body, "uplink_message")
        address = str(said.get("dev_eui", "")).lower()
        if address not in self.models and not DEV_EUI.fullmatch(address):
            return Decoded(
                rejects=[Reject(Reason.MALFORMED, f"no dev_eui of 16 hexadecimal digits ({printable(device)})")]
            )
        if body.get("simulated") is True:
            return Decoded(address, rejects=[Reject(Reason.NO_VALUE, "a simulated uplink")])
        count = uplink.get("f_cnt", 0)
        frame = base64_bytes(uplink.get("frm_payload"))
        version = child(uplink, "version_ids")
        named = f"{version['brand_id']}/{version['model_id']}" if {"brand_id", "model_id"} <= version.keys() else ""
        model = pick_model(self.models.get(address), named)
        session = uplink.get("session_key_id") or uplink.get("received_at")
        if self.seen.before((address, model, str(session), _whole(count), frame), received):
            return Decoded(address, rejects=[Reject(Reason.UNCHANGED, f"frame {_whole(count)} came before")])
        time, time_source = _time(body, uplink)
        return read_uplink(
            Uplink(
                address=address,
                port=_whole(uplink.get("f_port", 0)),
                frame=frame,
                decoded=child(uplink, "decoded_payload") or None,
                model=model,
                time=time,
                time_source=time_source,
                normalised=lambda: _normalised(uplink.get("normalized_payload")),
                radio=best_gateway(uplink.get("rx_metadata"), "snr"),
            )
        )


def _not_uplink(kind: str) -> Decoded:
    if kind == "join":
        return Decoded(rejects=[Reject(Reason.PRESENCE, "the device joined the network")])
    reason, detail = _OTHER.get(kind, (Reason.COMMAND, "about a message to the device"))
    if kind not in _OTHER and not kind.startswith("down/"):
        reason, detail = Reason.BAD_TOPIC, f"{printable(kind)} is no kind of message that is read here"
    return Decoded(rejects=[Reject(reason, detail)])


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _time(body: Mapping[str, Any], uplink: Mapping[str, Any]) -> tuple[int | None, TimeSource]:
    network = network_time(uplink.get("received_at"))
    if network is None:
        network = network_time(body.get("received_at"))
    gateway = network_time(child(uplink, "settings").get("time"))
    if gateway is None:
        gateway = earliest(objects(uplink.get("rx_metadata")), "time")
    return believed(gateway, network)


def _normalised(payload: object) -> Route | None:
    """What the server normalised: its own schema, with its own units."""
    measurements = objects(payload)
    if not measurements:
        return None
    samples: list[Sample] = []
    rejects: list[Reject] = []
    for measurement in measurements:
        readings = list(_measurement(measurement, rejects))
        time = network_time(measurement.get("time"))
        if samples and samples[-1].time == time:
            samples[-1].readings.extend(readings)
        elif readings:
            samples.append(Sample(readings, time, TimeSource.ARRIVAL if time is None else TimeSource.DEVICE))
    return samples, rejects


_AIR: Final[Mapping[str, Rule]] = {
    "temperature": Rule(field="temperature"),
    "relativeHumidity": Rule(field="humidity"),
    "pressure": Rule(field="pressure"),
    "co2": Rule(field="co2"),
    "lightIntensity": Rule(field="illuminance"),
}
_ELSEWHERE: Final[Mapping[tuple[str, ...], Rule]] = {
    ("water", "leak"): Rule(field="leak"),
    ("water", "temperature", "current"): Rule(field="water_temperature"),
    ("metering", "water", "total"): Rule(field="water", unit="l"),
    ("action", "motion", "detected"): Rule(field="motion"),
    ("action", "contactState"): Rule(field="open", states=_OPEN),
}


def _measurement(measurement: Mapping[str, Any], rejects: list[Reject]) -> Iterator[Reading]:
    air = child(measurement, "air")
    outside = air.get("location") == "outdoor"
    for key, rule in _AIR.items():
        value = read(rule, key, Value(air.get(key)), rejects)
        if value is not None and outside and key == "temperature":
            yield Reading(BY_NAME["outdoor_temperature"], value)
        elif value is not None:
            yield Reading(BY_NAME[rule.field], value, "outdoor" if outside else "")
    for path, rule in _ELSEWHERE.items():
        node: Mapping[str, Any] = measurement
        for level in path[:-1]:
            node = child(node, level)
        value = read(rule, ".".join(path), Value(node.get(path[-1])), rejects)
        if value is not None:
            yield Reading(BY_NAME[rule.field], value)
    battery = read(Rule(field="battery"), "battery", Value(measurement.get("battery")), rejects)
    if battery is not None:
        yield Reading(BY_NAME["battery_voltage" if battery <= VOLTS_AT_MOST else "battery"], battery)


def encode(
    application: str,
    device: str,
    dev_eui: str,
    model: Model,
    readings: Iterable[Reading],
    time_ns: int,
    count: int,
    *,
    port: int = 1,
    frame: bytes = b"",
    names: tuple[str, str] = ("", ""),
) -> tuple[str, bytes]:
    """Topic and payload of an uplink whose decoder made `decoded_payload` of `readings`.

    Args:
        application: with its tenant, as in the topic: `council@ttn`.
        names: brand and model id, as the server's device repository calls them; empty where it does not know.

    Raises:
        LookupError: the model does not measure one of the readings.
    """
    stamp = to_rfc3339(time_ns)
    ids = {
        "device_id": device,
        "application_ids": {"application_id": application.split("@")[0]},
        "dev_eui": dev_eui.upper(),
    }
    uplink: dict[str, object] = {
        "session_key_id": b64encode(dev_eui.encode()).decode(),
        "f_port": port,
        "f_cnt": count,
        "frm_payload": b64encode(frame).decode(),
        "decoded_payload": encode_object(model, readings),
        "settings": {"time": stamp},
        "received_at": stamp,
    }
    if all(names):
        uplink["version_ids"] = {"brand_id": names[0], "model_id": names[1]}
    body = {"end_device_ids": ids, "received_at": stamp, "uplink_message": uplink}
    return f"{DEFAULT_TOPIC}/{application}/devices/{device}/up", orjson.dumps(body)
