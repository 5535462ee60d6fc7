"""Settings of ingest: one TOML file and `TOLBOOTH_…` environment variables, typed, unknown keys refused by name.

A variable overrides the file. Tables nest with two underscores (`TOLBOOTH_MQTT__HOST`), and `…_FILE` names a file
that holds the value, for secrets (`TOLBOOTH_MQTT__PASSWORD_FILE`).
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from devices.errors import ConfigurationError

PREFIX: Final = "TOLBOOTH_"


class SettingsError(ConfigurationError):
    """A setting is missing, unknown or wrong; the text names where, and the mend."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mqtt(_Table):
    """The broker, and how ingest speaks to it."""

    host: str = "127.0.0.1"
    port: int = Field(1883, ge=1, le=65_535)
    client_id: str = Field("tolbooth-ingest", pattern=r"^[A-Za-z0-9._-]{1,128}$")
    """fixed: the broker keeps the session under this name while ingest is away"""
    username: str = ""
    password: SecretStr = SecretStr("")
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keep_alive: int = Field(30, ge=5, le=3_600)
    """seconds"""
    session_expiry: int = Field(30 * 86_400, ge=60)
    """seconds that the broker keeps the session"""
    receive_maximum: int = Field(4_000, ge=1, le=65_535)
    """messages that may be unacknowledged at once"""
    max_packet_bytes: int = Field(4_194_304, ge=65_536)


class Influx(_Table):
    """The database: any InfluxDB from 1.6 to 3, by `/write` and `/query`."""

    url: str = "http://127.0.0.1:8086"
    database: str = Field("telemetry", pattern=r"^[A-Za-z0-9_-]{1,64}$")
    username: str = ""
    password: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")
    """2.x and 3.x; takes the place of name and password"""
    organisation: str = "tolbooth"
    """2.x only"""
    retention_days: int = Field(0, ge=0)
    """how long readings are kept where ingest creates the database; 0 is for ever"""
    occupancy_days: int = Field(30, ge=0)
    """how long readings of occupancy are kept, wherever the database comes from; their roll-ups stay. 0 is as long as
    everything else"""
    batch_lines: int = Field(10_000, ge=1, le=100_000)
    timeout: float = Field(30.0, gt=0)
    """seconds for one request"""
    gzip: bool | None = None
    """compress what is written; by default everywhere but on the loopback"""


class Journal(_Table):
    max_bytes: int = Field(4 * 2**30, ge=2**20)
    """a full journal stops acknowledging, and the broker holds what comes"""


class Quarantine(_Table):
    max_bytes: int = Field(256 * 2**20, ge=2**16)
    max_age_days: int = Field(90, ge=1)


class Window(_Table):
    """How far a claimed time may lie from the time of arrival."""

    past_days: float = Field(30, gt=0)
    future_minutes: float = Field(10, ge=0)


class Canary(_Table):
    period: float = Field(15.0, ge=0, le=3_600)
    """seconds between ingest's own markers; not ready when none came back for three; 0 is without"""


class Rollup(_Table):
    period: float = Field(60.0, ge=0, le=3_600)
    """seconds between looks for half-hours whose roll-ups are to be worked out; 0 is without roll-ups"""


class Limits(_Table):
    """What one device may cost the others."""

    messages_per_second: float = Field(2_000.0, ge=0)
    """sustained on one topic; what is beyond goes to quarantine; 0 is without limit"""
    burst: int = Field(100_000, ge=1)
    """messages on one topic beyond that, for a while: a device that was cut off sends what it kept, a day or more"""
    devices: int = Field(50_000, ge=1)
    """in the registry; each makes some five series in the database"""


class Sparkplug(_Table):
    rebirth: bool = True
    """ask edge nodes for a rebirth where no birth explains their data; false where another host application does"""


class Health(_Table):
    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65_535)


class Settings(_Table):
    registry: Path
    """folder of the estate files"""
    data: Path = Path("data")
    """folder of journal and quarantine"""
    max_payload_bytes: Annotated[int, Field(ge=1_024)] = 262_144
    mqtt: Mqtt = Mqtt()
    influx: Influx = Influx()
    journal: Journal = Journal()
    quarantine: Quarantine = Quarantine()
    window: Window = Window()
    canary: Canary = Canary()
    rollup: Rollup = Rollup()
    limits: Limits = Limits()
    sparkplug: Sparkplug = Sparkplug()
    health: Health = Health()


def load(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from a TOML file (optional) and the environment.

    Raises:
        SettingsError: with one line for every mistake.
    """
    table: dict[str, Any] = {}
    if path is not None:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: not TOML: {error}") from error
    problems = _overlay(table, os.environ if environment is None else environment)
    try:
        settings = Settings.model_validate(table)
    except ValidationError as error:
        problems += [_explain(problem, str(path or "settings")) for problem in error.errors()]
    if problems:
        raise SettingsError("\n".join(problems))
    return settings


def _overlay(table: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    problems = []
    known = _names(Settings)
    for variable, value in sorted(environment.items()):
        if not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX).lower().replace("__", ".")
        if name not in known and name.endswith("_file"):
            name = name.removesuffix("_file")
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, ValueError) as error:
                problems.append(f"{variable}: {value!r} cannot be read: {error}")
                continue
        if name not in known:
            problems.append(f"{variable}: no such setting{_nearest(name, known)}")
            continue
        *tables, key = name.split(".")
        target: Any = table
        for part in tables:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                problems.append(f"{variable}: {part} is no table in the file: write [{part}]")
                break
        else:
            target[key] = value
    return problems


def _names(model: type[BaseModel], prefix: str = "") -> set[str]:
    names: set[str] = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= _names(kind, f"{prefix}{name}.")
        else:
            names.add(prefix + name)
    return names


def _explain(problem: Any, where: str) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{where}: {name}: no such setting{_nearest(name, _names(Settings))}"
    if problem["type"] == "missing":
        variable = PREFIX + name.upper().replace(".", "__")
        return f"{where}: {name} is missing: set it in the file, or {variable} in the environment"
    return f"{where}: {name}: {problem['msg']}"


def _nearest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
