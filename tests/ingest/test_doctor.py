"""The doctor: what each piece of evidence means."""

from dataclasses import replace
from pathlib import Path

import pytest

from devices.timestamps import SECOND
from ingest.doctor import database as database_probe
from ingest.doctor import findings
from ingest.doctor.findings import (
    BrokerEvidence,
    CertificateEvidence,
    DatabaseEvidence,
    DataEvidence,
    FileEvidence,
    Finding,
    FleetEvidence,
    Severity,
)
from ingest.doctor.rollups import RollUpsEvidence, of_rollups
from ingest.settings import Mqtt, Rollup, Window
from tests.ingest.doctors import SETTINGS, wrong

NOW = 1_780_000_000 * SECOND
WELL = BrokerEvidence("", 1_500, 1_500, 1_000, {262_144: True, 2**20: True}, True, 0, "mosquitto version 2.0.11")
DATABASE = DatabaseEvidence("", "1.6", "yes", "yes", 0.0, 0.1)
DATA = DataEvidence("", 2**40, 0, 0.0, 0, 0, {})
FLEET = FleetEvidence("", 100, 2.0, (), "", (), "ok")


def test_what_is_well_is_ok_everywhere() -> None:
    assert wrong(findings.of_broker(WELL, SETTINGS, 2.0)) == []
    assert wrong(findings.of_database(DATABASE, SETTINGS)) == []
    assert wrong(findings.of_data(DATA, SETTINGS)) == []
    assert wrong(of_rollups(RollUpsEvidence("yes", 0.0), DATA, SETTINGS)) == []
    assert wrong(findings.of_fleet(FLEET, SETTINGS.registry)) == []
    assert wrong(findings.of_files([FileEvidence(Path("x"), 0o100600, True)])) == []
    assert wrong(findings.of_certificates([CertificateEvidence("broker", NOW + 400 * 86_400 * SECOND)], NOW)) == []


def test_a_queue_that_overflows_is_a_failure_with_its_figure() -> None:
    (found,) = wrong(findings.of_broker(replace(WELL, arrived=1_000), SETTINGS, 2.0))
    assert found == (
        "FAIL",
        "broker queue",
        "500 of 1,500 acknowledged messages for a session that was offline are lost; "
        "this estate fills the queue in 500 s of absence",
    )


@pytest.mark.parametrize(
    ("evidence", "severity", "check"),
    [
        (BrokerEvidence("broker 127.0.0.1:1883 is not there"), "FAIL", "broker"),
        (replace(WELL, in_flight=20), "WARN", "broker in flight"),
        (replace(WELL, sizes={262_144: False}), "FAIL", "broker size"),
        (replace(WELL, sizes={2**20: False}), "WARN", "broker size"),
        (replace(WELL, retained=False), "FAIL", "broker retained"),
        (replace(WELL, dropped=7), "WARN", "broker dropped"),
    ],
)
def test_faults_of_a_broker(evidence: BrokerEvidence, severity: str, check: str) -> None:
    assert [found[:2] for found in wrong(findings.of_broker(evidence, SETTINGS, 0.0))] == [(severity, check)]


def test_a_password_without_encryption_is_a_failure_off_the_loopback() -> None:
    away = SETTINGS.model_copy(update={"mqtt": Mqtt(host="broker.example")})
    assert [found[:2] for found in wrong(findings.of_broker(WELL, away, 0.0))] == [("FAIL", "broker encryption")]
    encrypted = SETTINGS.model_copy(update={"mqtt": Mqtt(host="broker.example", tls=True)})
    assert wrong(findings.of_broker(WELL, encrypted, 0.0)) == []


@pytest.mark.parametrize(
    ("evidence", "severity", "check"),
    [
        (DatabaseEvidence("http://127.0.0.1:8086 is not there"), "FAIL", "database"),
        (replace(DATABASE, writable="missing"), "WARN", "database"),
        (replace(DATABASE, writable="403: not allowed"), "FAIL", "database write"),
        (replace(DATABASE, readable="401: who are you"), "FAIL", "database read"),
        (replace(DATABASE, retention_days=7.0), "WARN", "database retention"),
        (replace(DATABASE, skew_s=-5.0), "WARN", "clock"),
        (replace(DATABASE, skew_s=3_600.0), "FAIL", "clock"),
        (replace(DATABASE, occupancy_days=31.0), "WARN", "occupancy kept"),
    ],
)
def test_faults_of_a_database(evidence: DatabaseEvidence, severity: str, check: str) -> None:
    settings = SETTINGS.model_copy(update={"window": Window(past_days=30)})
    assert [found[:2] for found in wrong(findings.of_database(evidence, settings))] == [(severity, check)]


@pytest.mark.parametrize(
    ("evidence", "severity", "check", "words"),
    [
        (replace(DATA, fault="no journal"), "WARN", "journal", "no journal"),
        (replace(DATA, free_bytes=2**20), "FAIL", "disk", "1 MiB"),
        (replace(DATA, free_bytes=2**30), "WARN", "disk", "grow by 4,096"),
        (replace(DATA, journal_bytes=10**6, oldest_s=61.0), "WARN", "journal", "1,000,000 bytes wait"),
        (replace(DATA, oldest_s=3_601.0), "FAIL", "journal", "3601 s"),
        (replace(DATA, reserve=False), "FAIL", "disk reserve", "in use"),
        (replace(DATA, residual=-1), "FAIL", "accounts", "-1"),
        (replace(DATA, quarantined_today={"malformed": 3, "bad_time": 9}), "WARN", "quarantine", "bad_time (9)"),
        (replace(DATA, strangers=[f"s {n}" for n in range(9)]), "WARN", "unknown devices", "s 0, s 1, s 2, s 3, s 4 …"),
    ],
)  # fmt: skip
def test_faults_of_the_data(evidence: DataEvidence, severity: str, check: str, words: str) -> None:
    (found,) = wrong(findings.of_data(evidence, SETTINGS))
    assert found[:2] == (severity, check)
    assert words in found[2]


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (FleetEvidence("devices.csv:2: no such kind"), [("FAIL", "registry")]),
        (replace(FLEET, never=["moor/a"]), [("WARN", "never heard")]),
        (replace(FLEET, ingest="no ingest answers"), [("FAIL", "ingest")]),
        (replace(FLEET, alarms=["moor/a is silent"]), [("WARN", "silence")]),
        (replace(FLEET, canary="none has come back yet"), [("FAIL", "canary")]),
    ],
)
def test_faults_of_the_fleet(evidence: FleetEvidence, expected: list[tuple[str, str]]) -> None:
    assert [found[:2] for found in wrong(findings.of_fleet(evidence, SETTINGS.registry))] == expected


@pytest.mark.parametrize(
    ("evidence", "data", "expected"),
    [
        (None, DATA, []),
        (RollUpsEvidence("missing"), DATA, [("WARN", "roll-ups", "there is no database telemetry_rollup")]),
        (RollUpsEvidence("403: no"), DATA, [("WARN", "roll-ups", "telemetry_rollup may not be written: 403: no")]),
        (RollUpsEvidence("yes", 0.9), DATA, []),
        (RollUpsEvidence("yes", 1.1), DATA, [("WARN", "roll-ups", "they begin 1 days after the readings of meters")]),
        (RollUpsEvidence("yes", 400.0), replace(DATA, touched=9, touched_s=60.0), []),
        (
            RollUpsEvidence("yes", 400.0),
            replace(DATA, touched=9_000, touched_s=3_700.0),
            [("WARN", "roll-ups waiting", "9,000 half-hours wait, the oldest for 3700 s")],
        ),
    ],
)
def test_faults_of_the_roll_ups(
    evidence: RollUpsEvidence | None, data: DataEvidence, expected: list[tuple[str, str, str]]
) -> None:
    assert wrong(of_rollups(evidence, data, SETTINGS)) == expected


def test_roll_ups_that_are_off_are_said_once() -> None:
    off = SETTINGS.model_copy(update={"rollup": Rollup(period=0)})
    (found,) = wrong(of_rollups(RollUpsEvidence("missing"), DATA, off))
    assert found == ("WARN", "roll-ups", "they are off: the boards of consumption show nothing new")


def test_who_else_may_read_what() -> None:
    files = [
        FileEvidence(Path("tolbooth.toml"), 0o100644, True),
        FileEvidence(Path("client.key"), 0o100640, True),
        FileEvidence(Path("journal"), 0o100644, False),
    ]
    assert [found[0] for found in wrong(findings.of_files(files))] == ["FAIL", "WARN", "WARN"]


def test_certificates_that_end() -> None:
    day = 86_400 * SECOND
    found = [CertificateEvidence("broker", NOW + 29 * day), CertificateEvidence("authority", NOW - 3 * day)]
    assert wrong(findings.of_certificates(found, NOW)) == [
        ("WARN", "certificates", "broker expires in 29 days"),
        ("FAIL", "certificates", "authority expired 3 days ago"),
    ]


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("168h0m0s", 604_800), ("1h30m5s", 5_405)])
def test_a_duration_as_the_database_shows_it(text: str, seconds: int) -> None:
    assert database_probe.duration_s(text) == seconds


def test_the_text_is_safe_to_print_and_counts() -> None:
    bad = Finding("registry", Severity.FAIL, "\x1b[2J gone", "mend it")
    assert findings.text([bad, Finding("disk", Severity.OK, "much")]).splitlines() == [
        "FAIL  registry: \\x1b[2J gone",
        "      mend: mend it",
        "OK    disk: much",
        "1 FAIL, 0 WARN, 1 OK",
    ]
