"""The accounts of the broker and what each may do; pure.

A device or gateway is known as `<council>.<id>`, which is unique over councils. A gateway may write below its source's
base topic; a device that connects by itself only what its source reads of its own address. Discovery has topics that
all devices of a source share. Mosquitto's access rules hold on delivery, so a subscription to `#` is not refused there,
it stays silent.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from devices.errors import ConfigurationError
from devices.formats import OWN_CONNECTION, commands, make_source
from devices.message import SourceConfig
from devices.model import Council, Device, Estate

INGEST: Final = "ingest"
OPERATOR: Final = "operator"
_NATIVE: Final = "native"
_WILDCARD: Final = re.compile(r"[+#\x00-\x1f\x7f]")
_BROKER: Final = "$SYS/#"

_HEAD: Final = """\
# Made by `tolbooth init` from the registry; changes are lost. Rules of your own: acl.local in this folder.
# What is not allowed here is refused: there are no rules for everybody.
"""


class AccountError(ConfigurationError):
    """An account cannot be made of what the registry says; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user name of the broker."""

    name: str
    write: tuple[str, ...] = ()
    """topic filters"""
    read: tuple[str, ...] = ()
    """topic filters; what may be read and written stands in both"""


def accounts(estate: Estate) -> list[Account]:
    """Ingest, the operator, every gateway and every device that connects by itself, each name once.

    Raises:
        AccountError: two would have one name, a gateway's base topic covers another council's, or an address is a
            wildcard.
    """
    _apart(estate)
    found = [_ingest(estate), Account(OPERATOR, read=(*_roots(estate), _BROKER))]
    for council in estate.councils.values():
        for source in council.sources.values():
            found += _devices(council, source) if source.format in OWN_CONNECTION else [_gateway(source)]
    names: set[str] = set()
    for account in found:
        if account.name in names:
            raise AccountError(f"{account.name} is both a source and a device: give one of them another id")
        names.add(account.name)
    return found


def acl(found: Iterable[Account]) -> str:
    """The rules as Mosquitto's `acl_file`."""
    return _HEAD + "".join(f"\nuser {one.name}\n" + "".join(_rules(one)) for one in found)


def _rules(account: Account) -> Iterator[str]:
    for topic in account.write:
        yield f"topic {'readwrite' if topic in account.read else 'write'} {topic}\n"
    for topic in account.read:
        if topic not in account.write:
            yield f"topic read {topic}\n"


def _apart(estate: Estate) -> None:
    """No gateway may write what belongs to another council, or to native devices."""
    sources = [source for council in estate.councils.values() for source in council.sources.values()]
    for one in sources:
        if one.format in OWN_CONNECTION:
            continue
        for other in sources:
            native = other.format == _NATIVE
            tree = f"{other.topic}/{other.council}" if native else other.topic
            if (native or one.council != other.council) and f"{tree}/".startswith(f"{one.topic}/"):
                raise AccountError(
                    f"source {one.id} of {one.council}: its topic {one.topic} covers {tree} of {other.council}: "
                    "give it a base topic of its own"
                )


def _ingest(estate: Estate) -> Account:
    """Reads every root and the broker's figures; writes about itself, where no device can be, and what sources wish."""
    councils = estate.councils.values()
    own = [f"{council.sources[_NATIVE].topic}/{council.id}/_ingest/#" for council in councils]
    wished = [topic for council in councils for source in council.sources.values() for topic in commands(source)]
    return Account(INGEST, write=tuple(dict.fromkeys([*own, *wished])), read=(*_roots(estate), _BROKER))


def _roots(estate: Estate) -> tuple[str, ...]:
    """Filters that cover all that the sources publish."""
    found: dict[str, None] = {}
    for council in estate.councils.values():
        for source in council.sources.values():
            below = f"{council.id}/#" if source.format == _NATIVE else "#"
            found |= dict.fromkeys((f"{source.topic}/{below}", *_elsewhere(source)))
    return tuple(found)


def _gateway(source: SourceConfig) -> Account:
    """Reads its base topic too, where its commands come; discovery topics it shares with others it only writes."""
    whole = f"{source.topic}/#"
    return Account(f"{source.council}.{source.id}", write=(whole, *_elsewhere(source)), read=(whole,))


def _devices(council: Council, source: SourceConfig) -> list[Account]:
    filters = make_source(source).filters
    return [_device(source, filters, device) for device in council.devices.values() if device.source == source.id]


def _device(source: SourceConfig, filters: tuple[str, ...], device: Device) -> Account:
    """Writes the topics of its address; what commands it, if anything does, needs a rule of the operator's."""
    if _WILDCARD.search(device.address):
        raise AccountError(f"device {device.id}: its address {device.address!r} has a wildcard: MQTT topics have none")
    return Account(
        f"{device.council}.{device.id}", write=tuple(_own(source, topic, device.address) for topic in filters)
    )


def _own(source: SourceConfig, topic: str, address: str) -> str:
    """A filter of a source for one address, which is its first wildcard; natively the second, after the building."""
    if source.format == _NATIVE:
        return topic.replace("/+/+/", f"/+/{address}/")
    return topic.replace("+", address, 1) if topic.startswith(f"{source.topic}/") else topic


def _elsewhere(source: SourceConfig) -> tuple[str, ...]:
    """Filters of a source that lie outside its base topic, as those of discovery do."""
    return tuple(topic for topic in make_source(source).filters if not topic.startswith(f"{source.topic}/"))
