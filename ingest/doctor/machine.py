"""Looks at this machine: the data folder, the files and who may read them, the registry, and a running ingest."""

import contextlib
import shutil
import socket
import sqlite3
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from devices import registry
from devices.message import Reason
from devices.model import Estate
from devices.timestamps import SECOND
from ingest import heard, journalfile, reserve
from ingest.counts import look
from ingest.doctor.findings import DAY, CertificateEvidence, DataEvidence, FileEvidence, FleetEvidence
from ingest.fleet import Fleet
from ingest.heard import Heard
from ingest.security import expiring
from ingest.settings import Settings
from ingest.watch import WatchError, fetch_status

MAX_STRANGERS: Final = 1_000


def data(settings: Settings) -> DataEvidence:
    """What the data folder holds; another process may be writing it."""
    try:
        counts = look(settings.data)
        with contextlib.closing(_read_only(settings.data / journalfile.FILE)) as db:
            since = time.time_ns() - DAY * SECOND
            today = dict(
                db.execute("SELECT reason, COUNT(*) FROM quarantine WHERE received >= ? GROUP BY reason", (since,))
            )
            strangers = db.execute(
                "SELECT DISTINCT source || ' ' || address FROM quarantine WHERE reason = ? LIMIT ?",
                (Reason.UNKNOWN_DEVICE.value, MAX_STRANGERS),
            ).fetchall()
    except (journalfile.JournalError, sqlite3.DatabaseError) as error:
        return DataEvidence(str(error), _free(settings.data))
    return DataEvidence(
        "",
        _free(settings.data),
        counts.bytes,
        (time.time_ns() - counts.oldest) / SECOND if counts.oldest else 0.0,
        counts.residual,
        counts.quarantine,
        today,
        [text for (text,) in strangers],
        (settings.data / reserve.FILE).exists(),
        counts.touched,
        (time.time_ns() - counts.touched_since) / SECOND if counts.touched_since else 0.0,
    )


def _free(folder: Path) -> int:
    """Bytes free on the disk where the folder is, or would be made."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free


def estate(settings: Settings) -> Estate | str:
    """The registry, or what is wrong with it."""
    try:
        return registry.load(settings.registry)
    except registry.RegistryError as error:
        return str(error)


async def fleet(settings: Settings, known: Estate | str) -> FleetEvidence:
    """The registry against what was heard, and what ingest says of its devices."""
    if isinstance(known, str):
        return FleetEvidence(known)
    watched = Fleet(known, _heard(settings.data))
    due = list(watched.due(time.time_ns()))
    never = [f"{each.council}/{each.device}" for each in due if not each.since]
    per_second = sum(SECOND / each.interval for each in due)
    try:
        said = await fetch_status(settings)
    except WatchError as error:
        return FleetEvidence("", len(watched), per_second, never, str(error))
    alarms = [alarm.text for alarm in said.alarms]
    return FleetEvidence("", len(watched), per_second, never, "", alarms, said.canary)


def files(settings: Settings, written: Path | None, security: Path | None) -> Iterator[FileEvidence]:
    """The files that are nobody else's; `written` is the settings' own, `security` the folder of credentials."""
    secrets = (settings.mqtt.password, settings.influx.password, settings.influx.token)
    wanted: list[tuple[Path | None, bool]] = [
        (written, any(secret.get_secret_value() for secret in secrets)),
        (settings.mqtt.key_file, True),
        *((path, True) for path in _secrets(security)),
        *((path, False) for path in sorted(settings.data.glob(f"{journalfile.FILE}*"))),
    ]
    for path, secret in wanted:
        if path is not None and path.exists():
            yield FileEvidence(path, path.stat().st_mode, secret)


def _secrets(security: Path | None) -> Iterator[Path]:
    """The keys and passwords of a security folder; `broker` there is for Mosquitto's group too."""
    if security is not None:
        yield from sorted(security.glob("authority/*.key"))
        yield from sorted(security.glob("database/*"))
        yield from sorted(path for path in security.glob("accounts/*/*") if path.name in {"password", "client.key"})


def certificates(settings: Settings, security: Path | None) -> Iterator[CertificateEvidence]:
    """Those of the security folder that end soon, the authority that we trust, and what the broker shows."""
    for soon in expiring(security, time.time_ns()) if security is not None else ():
        yield CertificateEvidence(f"the certificate of {soon.name}", soon.expires)
    mqtt = settings.mqtt
    if not mqtt.tls:
        return
    context = ssl.create_default_context()
    with contextlib.suppress(OSError):
        if mqtt.ca_file is not None:
            authorities = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            authorities.load_verify_locations(mqtt.ca_file)
            for one in authorities.get_ca_certs():
                yield _certificate(f"the authority in {mqtt.ca_file}", one)
            context.load_verify_locations(mqtt.ca_file)
        with (
            socket.create_connection((mqtt.host, mqtt.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=mqtt.host) as encrypted,
        ):
            yield _certificate(f"the certificate of {mqtt.host}", encrypted.getpeercert() or {})


def _certificate(name: str, fields: Mapping[str, Any]) -> CertificateEvidence:
    return CertificateEvidence(name, int(ssl.cert_time_to_seconds(fields["notAfter"])) * SECOND)


def _heard(folder: Path) -> Iterable[Heard]:
    if not (folder / journalfile.FILE).exists():
        return []
    with contextlib.closing(_read_only(folder / journalfile.FILE)) as db:
        return heard.read(db)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)
