"""The formats: one module for each way in which a family of devices writes topics and payloads.

A format's module has `DEFAULT_TOPIC` (the base topic that its makers use), `source(config)` (decodes; see
`devices.model.Source`) and `encode` (the reverse, for simulators and tests). A format is known by the name of its
module, and by being listed here. A format that wishes to send commands has `commands(config)` too.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Final

from devices.message import Source, SourceConfig

FORMATS: Final = (
    "chirpstack",
    "esphome",
    "homeassistant",
    "homie",
    "json",
    "native",
    "senml",
    "shelly1",
    "shelly2",
    "sparkplug",
    "tasmota",
    "theengs",
    "thethingsstack",
    "zigbee2mqtt",
)


def default_topic(name: str) -> str:
    """The base topic that the makers of a known format use; empty where they use none."""
    topic: str = import_module(f"devices.formats.{name}").DEFAULT_TOPIC
    return topic


OWN_CONNECTION: Final = frozenset({"esphome", "homie", "native", "shelly1", "shelly2", "tasmota"})
"""Formats whose devices each connect by themselves; of the others a gateway, bridge or server does."""


def commands(config: SourceConfig) -> tuple[str, ...]:
    """Topic filters of what the format may wish to send (`devices.model.Decoded.requests`); most wish nothing."""
    wishes: Callable[[SourceConfig], tuple[str, ...]] | None
    wishes = getattr(import_module(f"devices.formats.{config.format}"), "commands", None)
    return () if wishes is None else wishes(config)


def make_source(config: SourceConfig) -> Source:
    """The decoding side of the format that `config` names.

    Raises:
        LookupError: there is no such format.
    """
    if config.format not in FORMATS:
        raise LookupError(f"unknown format {config.format!r}: known are {', '.join(FORMATS)}")
    source: Source = import_module(f"devices.formats.{config.format}").source(config)
    return source
