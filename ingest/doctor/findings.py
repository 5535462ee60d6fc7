"""From evidence to findings: what is wrong, the figure that shows it, and the mend. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from devices.message import MEND, REFUSED, Reason
from devices.text import in_short, printable
from devices.timestamps import SECOND
from ingest.settings import Settings

DAY: Final = 86_400
WARN_DAYS: Final = 30
OCCUPANCY_DAYS: Final = 30
"""Days that occupancy is kept by good practice."""
FEW: Final = 5
"""Names shown of a longer list."""
DISK_RESERVE: Final = 200 * 2**20
OLD_S, VERY_OLD_S = 60.0, 3_600.0
"""Age of the oldest line in the journal that is a warning, and one that is a failure."""
SKEW_S, LARGE_SKEW_S = 2.0, 60.0
STOCK_IN_FLIGHT: Final = 20
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_CONFIG: Final = "as in ingest/config/mosquitto.conf"


class Severity(StrEnum):
    FAIL = "FAIL"
    """data is lost or unsafe, now or at the next fault"""
    WARN = "WARN"
    OK = "OK"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `evidence` is what was found, with its figure; `mend` is empty where nothing is wrong."""

    check: str
    severity: Severity
    evidence: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class BrokerEvidence:
    """What the broker did with throw-away messages; a figure is None where the test could not be made."""

    fault: str = ""
    """why nothing could be tested; empty where it could"""
    published: int = 0
    """messages acknowledged to us for a session that was offline"""
    arrived: int = 0
    """of those, how many came when the session was back"""
    in_flight: int = 0
    """how many came without one being acknowledged"""
    sizes: Mapping[int, bool] | None = None
    """size of a payload, bytes → whether it was taken"""
    retained: bool | None = None
    dropped: int | None = None
    """messages that the broker says it has dropped since its start"""
    version: str = ""


@dataclass(frozen=True, slots=True)
class DatabaseEvidence:
    fault: str = ""
    version: str = ""
    writable: str = ""
    """`yes`, `missing` where the database itself is, or what it said"""
    readable: str = ""
    """`yes`, or what the database said"""
    retention_days: float | None = None
    """0 is for ever; None where it was not told"""
    skew_s: float | None = None
    """how far its clock is ahead of ours"""
    occupancy_days: float | None = None
    """age of the oldest occupancy that is older than it ought to be; 0 where none is, None where it was not told"""


@dataclass(frozen=True, slots=True)
class DataEvidence:
    """What the data folder holds; `fault` where there is no journal to read."""

    fault: str = ""
    free_bytes: int = 0
    """on the disk of the data folder"""
    journal_bytes: int = 0
    oldest_s: float = 0.0
    residual: int = 0
    quarantine_rows: int = 0
    quarantined_today: Mapping[str, int] | None = None
    """reason → rows received in the last 24 hours"""
    strangers: Sequence[str] = ()
    """addresses of devices in quarantine that the registry does not know"""
    reserve: bool = True
    """whether the space that draining needs on a full disk is kept"""
    touched: int = 0
    """half-hours that wait to be rolled up"""
    touched_s: float = 0.0
    """how long the oldest has waited"""


@dataclass(frozen=True, slots=True)
class FleetEvidence:
    fault: str = ""
    """why the registry is not sound"""
    devices: int = 0
    per_second: float = 0.0
    """messages that the registry expects"""
    never: Sequence[str] = ()
    """`council/device` that ought to send and was never heard"""
    ingest: str = ""
    """why ingest does not answer; empty where it does"""
    alarms: Sequence[str] = ()
    canary: str = ""


@dataclass(frozen=True, slots=True)
class FileEvidence:
    path: Path
    mode: int
    secret: bool
    """whoever reads it can log in"""


@dataclass(frozen=True, slots=True)
class CertificateEvidence:
    name: str
    expires: int
    """ns"""


def of_broker(found: BrokerEvidence, settings: Settings, per_second: float) -> Iterator[Finding]:
    """The broker: does it keep what ingest is not there to take?"""
    mqtt = settings.mqtt
    if mqtt.host not in _LOOPBACK and not mqtt.tls:
        evidence = f"passwords and readings go to {mqtt.host} without encryption"
        yield Finding("broker encryption", Severity.FAIL, evidence, "set mqtt.tls and mqtt.ca_file")
    if found.fault:
        yield Finding("broker", Severity.FAIL, found.fault, "until then nothing is received")
        return
    yield Finding("broker", Severity.OK, found.version or "it answers")
    yield _queue(found, per_second)
    if found.in_flight <= STOCK_IN_FLIGHT:
        evidence = f"it hands over {found.in_flight} messages before it waits for an acknowledgement"
        yield Finding("broker in flight", Severity.WARN, evidence, f"set max_inflight_messages 1000, {_CONFIG}")
    else:
        yield Finding("broker in flight", Severity.OK, f"{found.in_flight} messages without an acknowledgement")
    for size, taken in sorted((found.sizes or {}).items()):
        if taken:
            yield Finding("broker size", Severity.OK, f"a message of {size:,} bytes is taken")
        else:
            severity = Severity.FAIL if size <= settings.max_payload_bytes else Severity.WARN
            mend = f"set max_packet_size 4194304, {_CONFIG}: gateways describe their devices in one message"
            yield Finding("broker size", severity, f"a message of {size:,} bytes is refused", mend)
    if found.retained is False:
        evidence = "a retained message did not come to a new subscriber"
        yield Finding(
            "broker retained", Severity.FAIL, evidence, "set retain_available true: descriptions are retained"
        )
    elif found.retained:
        yield Finding("broker retained", Severity.OK, "retained messages come to a new subscriber")
    if found.dropped:
        evidence = f"it has dropped {found.dropped:,} messages since its start ($SYS)"
        yield Finding("broker dropped", Severity.WARN, evidence, "look which client's queue is full, or too slow")


def _queue(found: BrokerEvidence, per_second: float) -> Finding:
    lost = found.published - found.arrived
    if not lost:
        evidence = f"all of {found.published:,} messages waited for a session that was offline"
        return Finding("broker queue", Severity.OK, evidence)
    evidence = f"{lost:,} of {found.published:,} acknowledged messages for a session that was offline are lost"
    if per_second:
        evidence += f"; this estate fills the queue in {found.arrived / per_second:,.0f} s of absence"
    mend = f"set max_queued_messages 2000000000 and max_queued_bytes 536870912, {_CONFIG}"
    return Finding("broker queue", Severity.FAIL, evidence, mend)


def of_database(found: DatabaseEvidence, settings: Settings) -> Iterator[Finding]:
    """The database: is it there, may we use it, how long does it keep things, and is its clock ours?"""
    if found.fault:
        yield Finding("database", Severity.FAIL, found.fault, "until then readings wait in the journal")
        return
    yield Finding("database", Severity.OK, f"InfluxDB {found.version} at {settings.influx.url}")
    if found.writable == "missing":
        evidence = f"there is no database {settings.influx.database}"
        mend = "start ingest, which makes it where its account may; or create it"
        yield Finding("database", Severity.WARN, evidence, mend)
        return
    for what, said in (("write", found.writable), ("read", found.readable)):
        if said == "yes":
            yield Finding(f"database {what}", Severity.OK, f"allowed in {settings.influx.database}")
        else:
            mend = "correct the account and its rights: influx.username and influx.password, or influx.token"
            yield Finding(f"database {what}", Severity.FAIL, printable(said, 300), mend)
    days = found.retention_days
    if days is not None and 0 < days < settings.window.past_days:
        evidence = f"readings are kept {days:g} days, but accepted when up to {settings.window.past_days:g} days old"
        yield Finding(
            "database retention", Severity.WARN, evidence, "lengthen the retention, or lower window.past_days"
        )
    elif days is not None:
        yield Finding("database retention", Severity.OK, f"{days:g} days" if days else "for ever")
    if found.occupancy_days is not None:
        yield _occupancy(found.occupancy_days, settings.influx.occupancy_days)
    if found.skew_s is not None:
        yield _clock(found.skew_s)


def _occupancy(age: float, kept: int) -> Finding:
    check = "occupancy kept"
    if not age:
        return Finding(check, Severity.OK, f"none is older than {kept or OCCUPANCY_DAYS} days")
    evidence = f"the oldest is {age:.0f} days old"
    if kept:
        mend = "look into ingest's log: it deletes what is older than influx.occupancy_days once a day"
        return Finding(check, Severity.WARN, f"{evidence}, {kept} are allowed", mend)
    mend = f"decide how long it is needed (docs/dpia-template.md): {OCCUPANCY_DAYS} days is a good rule; set "
    return Finding(check, Severity.WARN, evidence, mend + "influx.occupancy_days, or a retention of the database")


def _clock(skew: float) -> Finding:
    evidence = f"the database's clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
    mend = "run an NTP client on both machines"
    if abs(skew) > LARGE_SKEW_S:
        return Finding("clock", Severity.FAIL, evidence, mend)
    return (
        Finding("clock", Severity.WARN, evidence, mend)
        if abs(skew) > SKEW_S
        else Finding("clock", Severity.OK, evidence)
    )


def of_data(found: DataEvidence, settings: Settings) -> Iterator[Finding]:
    """Journal, quarantine and their disk."""
    yield _disk(found, settings)
    if found.fault:
        yield Finding("journal", Severity.WARN, found.fault, "start ingest once, or correct data in the settings")
        return
    if not found.reserve:
        evidence = "the space kept for a full disk is in use, or there was none to keep: nothing new is taken"
        yield Finding("disk reserve", Severity.FAIL, evidence, "make space: it is kept again by itself")
    held = f"{found.journal_bytes:,} bytes wait, the oldest for {found.oldest_s:.0f} s"
    mend = "look at the database: `tolbooth status` says what it answers"
    level = Severity.FAIL if found.oldest_s > VERY_OLD_S else Severity.WARN if found.oldest_s > OLD_S else Severity.OK
    yield Finding("journal", level, held, "" if level is Severity.OK else mend)
    if found.residual:
        evidence = f"{found.residual:,} messages have no fate"
        yield Finding("accounts", Severity.FAIL, evidence, "this is a bug: keep the data folder, and report it")
    else:
        yield Finding("accounts", Severity.OK, "every message received has one fate")
    yield from _quarantine(found)


def _disk(found: DataEvidence, settings: Settings) -> Finding:
    wanted = settings.journal.max_bytes - found.journal_bytes
    free = f"{found.free_bytes / 2**20:,.0f} MiB are free for {settings.data}"
    if found.free_bytes < DISK_RESERVE:
        return Finding("disk", Severity.FAIL, free, "make space: a full disk stops acknowledging")
    if found.free_bytes < wanted:
        evidence = f"{free}, journal.max_bytes lets it grow by {wanted / 2**20:,.0f}"
        return Finding("disk", Severity.WARN, evidence, "make space, or lower journal.max_bytes")
    return Finding("disk", Severity.OK, free)


def _quarantine(found: DataEvidence) -> Iterator[Finding]:
    today = found.quarantined_today or {}
    total = sum(today.values())
    rows = f"{found.quarantine_rows:,} rows, {total:,} of the last 24 hours"
    if total:
        reason, n = max(today.items(), key=lambda item: (item[1], item[0]))
        mend = MEND.get(Reason(reason), "") if reason in set(Reason) - REFUSED else ""
        yield Finding("quarantine", Severity.WARN, f"{rows}, most of them {reason} ({n:,})", mend)
    else:
        yield Finding("quarantine", Severity.OK, rows)
    if found.strangers:
        evidence = f"{len(found.strangers):,} devices send and are not in the registry: {_some(found.strangers)}"
        yield Finding("unknown devices", Severity.WARN, evidence, MEND[Reason.UNKNOWN_DEVICE])


def of_fleet(found: FleetEvidence, registry: Path) -> Iterator[Finding]:
    """The registry, whose folder is given, against what is heard."""
    if found.fault:
        mend = f"mend it: `tolbooth devices check {registry}` has all; until then the broker is not tested"
        yield Finding("registry", Severity.FAIL, in_short(found.fault, 500), mend)
        return
    expected = f"{found.devices:,} devices, {found.per_second:.2f} messages a second expected"
    yield Finding("registry", Severity.OK, expected)
    if found.never:
        evidence = f"{len(found.never):,} of {found.devices:,} devices were never heard: {_some(found.never)}"
        mend = "switch them on, correct source and address, or end their assignment"
        yield Finding("never heard", Severity.WARN, evidence, mend)
    if found.ingest:
        yield Finding("ingest", Severity.FAIL, found.ingest, "start ingest: messages wait at the broker meanwhile")
        return
    if found.alarms:
        evidence = f"{len(found.alarms):,} alarms: {_some(found.alarms)}"
        yield Finding("silence", Severity.WARN, evidence, "look at battery, power, radio and gateway")
    else:
        yield Finding("silence", Severity.OK, "no device that was heard is silent")
    well = found.canary in {"ok", "off"}
    mend = "" if well else "look at broker, journal and database above"
    yield Finding("canary", Severity.OK if well else Severity.FAIL, found.canary, mend)


def of_files(files: Iterable[FileEvidence]) -> Iterator[Finding]:
    """Who else may read what is on disk."""
    loose = False
    for file in files:
        if not file.mode & 0o077:
            continue
        loose = True
        evidence = f"{file.path} has mode {file.mode & 0o777:o}" + (", and holds a secret" if file.secret else "")
        severity = Severity.FAIL if file.secret and file.mode & 0o007 else Severity.WARN
        yield Finding("file modes", severity, evidence, f"chmod go= {file.path}")
    if not loose:
        yield Finding("file modes", Severity.OK, "settings, data and keys are readable by their owner alone")


def of_certificates(found: Sequence[CertificateEvidence], now: int) -> Iterator[Finding]:
    """Certificates that end soon, or have ended."""
    for one in found:
        if one.expires - now > WARN_DAYS * DAY * SECOND:
            yield Finding("certificates", Severity.OK, f"{one.name} holds for longer than {WARN_DAYS} days")
            continue
        days = (one.expires - now) / SECOND / DAY
        evidence = f"{one.name} {f'expires in {days:.0f} days' if days > 0 else f'expired {-days:.0f} days ago'}"
        yield Finding("certificates", Severity.WARN if days > 0 else Severity.FAIL, evidence, "renew it")


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name, 200) for name in names[:FEW])
    return f"{shown} …" if len(names) > FEW else shown


def text(found: Sequence[Finding]) -> str:
    """The findings for a person, and a last line that counts them."""
    lines = []
    for each in found:
        lines.append(f"{each.severity:<4}  {each.check}: {printable(each.evidence, 1_000)}")
        if each.severity is not Severity.OK and each.mend:
            lines.append(f"      mend: {printable(each.mend, 1_000)}")
    counts = (f"{sum(each.severity is level for each in found)} {level}" for level in Severity)
    return "\n".join([*lines, ", ".join(counts)])
