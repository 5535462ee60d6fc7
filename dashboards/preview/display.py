"""How a field is shown: the defaults of its panel, changed by the overrides that match it."""

import re
from collections.abc import Mapping
from typing import Any

Config = Mapping[str, Any]


def config_of(panel: Config, name: str, ref: str) -> dict[str, Any]:
    """The field configuration of the column `name` from target `ref`; `custom.` settings are in `custom`."""
    config: dict[str, Any] = dict(panel["fieldConfig"]["defaults"])
    config["custom"] = dict(config.get("custom", {}))
    for override in panel["fieldConfig"]["overrides"]:
        if not _matches(override["matcher"], name, ref):
            continue
        for item in override["properties"]:
            place, _, key = item["id"].rpartition(".")
            target = config["custom"] if place == "custom" else config
            target[key] = item["value"]
    return config


def mapped(config: Config, value: object) -> str | None:
    """The text that a value mapping gives for a value; None where none applies."""
    for mapping in config.get("mappings", []):
        if mapping["type"] == "range":
            limits = mapping["options"]
            inside = isinstance(value, int | float) and limits["from"] <= value <= limits["to"]
            found = limits["result"] if inside else None
        else:
            found = mapping["options"].get(str(value)) if mapping["type"] == "value" else None
        if found:
            return str(found["text"])
    return None


def _matches(matcher: Config, name: str, ref: str) -> bool:
    wanted = matcher["options"]
    if matcher["id"] == "byName":
        return bool(wanted == name)
    if matcher["id"] == "byFrameRefID":
        return bool(wanted == ref)
    if matcher["id"] == "byRegexp":
        return re.search(wanted.strip("/"), name) is not None
    raise ValueError(f"the preview knows no matcher {matcher['id']!r}: add it to preview/display.py")
