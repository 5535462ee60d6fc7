"""What the doctor finds on real servers, real files and by its command."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from devices import registry
from devices.rollups import database_of
from devices.timestamps import SECOND
from ingest import doctor, influx
from ingest.access import arrange
from ingest.doctor import broker as broker_probe
from ingest.doctor import database as database_probe
from ingest.doctor import findings, machine
from ingest.doctor.examine import examine
from ingest.doctor.findings import (
    Severity,
)
from ingest.doctor.rollups import RollUpsEvidence
from ingest.processes import free_port
from ingest.rollup.span import roll_up
from ingest.security import accounts, store
from ingest.servers import influxdb, mosquitto
from ingest.settings import Influx, Mqtt, load
from tests.bench.estate import write_estate
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import ingest_for, running
from tests.ingest.doctors import SETTINGS, wrong

ROOT = "tolbooth/v1/sim-bench/_ingest"


async def test_a_stock_broker_loses_and_the_shipped_one_does_not(start_broker: StartBroker) -> None:
    """T3: the figure that the doctor tells is the one that is lost."""
    stock, ours = await start_broker(default_config=True), await start_broker()
    found = await broker_probe.probe(Mqtt(port=stock.port), ROOT, 262_144)
    assert (found.fault, found.published - found.arrived) == ("", 500)
    found = await broker_probe.probe(Mqtt(port=ours.port), ROOT, 262_144)
    assert wrong(findings.of_broker(found, SETTINGS, 0.0)) == []
    assert found.sizes == {262_144: True, 2**20: True}


async def test_what_a_narrow_broker_cannot_do(start_broker: StartBroker) -> None:
    broker = await start_broker(config="max_packet_size 100000\nretain_available false\nmax_queued_messages 0\n")
    found = await broker_probe.probe(Mqtt(port=broker.port), ROOT, 262_144)
    assert found.sizes == {262_144: False, 2**20: False}
    assert found.retained is False


async def test_an_account_that_may_not_write_is_told(start_broker: StartBroker, tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic read #\n")
    rules.chmod(0o644)
    broker = await start_broker(config=f"acl_file {rules}\n")
    found = await broker_probe.probe(Mqtt(port=broker.port), ROOT, 262_144)
    assert "may not write and read tolbooth/v1/sim-bench/_ingest/doctor-" in found.fault


async def test_the_account_of_ingest_may_make_the_tests(start_broker: StartBroker, tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text(accounts.acl(accounts.accounts(registry.load(write_estate(tmp_path / "estate", 3)))))
    rules.chmod(0o644)
    broker = await start_broker(config=f"acl_file {rules}\nmax_queued_messages 0\nmax_packet_size 4194304\n")
    found = await broker_probe.probe(Mqtt(port=broker.port, username=accounts.INGEST), ROOT, 262_144)
    assert wrong(findings.of_broker(found, SETTINGS, 0.0)) == []
    assert found.version.startswith("mosquitto version 2")


async def test_absent_servers_are_told_with_their_mend() -> None:
    found = await broker_probe.probe(Mqtt(port=free_port()), ROOT, 262_144)
    assert "is not there: start it, or set mqtt.host and mqtt.port" in found.fault
    answer = await database_probe.probe(Influx(url=f"http://127.0.0.1:{free_port()}"))
    assert "start InfluxDB, or set influx.url" in answer.fault


async def test_a_real_database(start_database: StartDatabase) -> None:
    database = await start_database()
    options = Influx(
        url=database.url, token=database.token, organisation=database.organisation or "x", retention_days=7
    )
    assert (await database_probe.probe(options)).writable == "missing"
    async with influx.Influx(options) as connection:
        await connection.connect()
        await connection.ensure_database()
    found = await database_probe.probe(options)
    assert (found.fault, found.writable, found.readable) == ("", "yes", "yes")
    assert found.skew_s is not None
    assert abs(found.skew_s) < 1.5
    assert found.retention_days in {7.0, None}


async def test_the_database_of_roll_ups_is_looked_at_and_how_far_it_reaches(start_database: StartDatabase) -> None:
    """From a database of before roll-ups, to one that `tolbooth rollup` was run on."""
    database = await start_database()
    options = Influx(url=database.url)
    day = 86_400 * SECOND
    old = time.time_ns() - 400 * day
    async with influx.Influx(options) as connection:
        await connection.ensure_database()
        lines = [f"meter,device=a gas_m3={n} {old + n * 1_800 * SECOND}" for n in range(96)]
        assert await connection.write("\n".join(lines).encode(), 96) == influx.Stored()
    assert await database_probe.rollups(options) == RollUpsEvidence("missing")
    async with influx.Influx(options) as connection:
        await connection.ensure_database(database_of(options.database))
    found = await database_probe.rollups(options)
    assert found is not None
    assert found.writable == "yes"
    assert found.behind_days == pytest.approx(400, abs=0.1)
    await roll_up(options, None, None, lambda _: None)
    assert await database_probe.rollups(options) == RollUpsEvidence("yes", 0.0)
    assert await database_probe.rollups(Influx(url=f"http://127.0.0.1:{free_port()}")) is None


async def test_the_whole_path_is_well_by_tls_with_accounts(tmp_path: Path) -> None:
    """As the demo runs, but by TLS: nothing fails, and nobody waits long."""
    estate, security = write_estate(tmp_path / "estate", 20), tmp_path / "security"
    store.init(security, registry.load(estate), time.time_ns(), registry=estate)
    async with (
        mosquitto(tmp_path / "broker", security=security) as broker,
        influxdb(tmp_path / "influxdb", protected=True) as database,
    ):
        access = await arrange(security, database, "telemetry")
        settings = {
            "TOLBOOTH_MQTT__TLS": "true",
            "TOLBOOTH_MQTT__CA_FILE": str(security / "broker" / "ca.crt"),
            "TOLBOOTH_MQTT__USERNAME": accounts.INGEST,
            "TOLBOOTH_MQTT__PASSWORD": store.password(security, accounts.INGEST),
            "TOLBOOTH_CANARY__PERIOD": "2",
            **{f"TOLBOOTH_INFLUX__{name.upper()}": value for name, value in access.ingest.items()},
        }
        ingest = ingest_for(
            tmp_path / "ingest", estate, broker=broker.tls_port, database=database.url, settings=settings
        )
        stages: list[str] = []
        async with running(ingest):
            known = load(None, dict(ingest.process.environment))
            async with asyncio.timeout(30):
                found = await examine(known, None, security, stages.append)
    assert [each for each in found if each.severity is Severity.FAIL] == []
    assert {
        "broker queue",
        "broker size",
        "database write",
        "canary",
        "certificates",
        "occupancy kept",
        "roll-ups",
    } <= {each.check for each in found if each.severity is Severity.OK}
    assert len(stages) >= 4


@pytest.mark.parametrize(("rules", "days"), [([{"type": "expire", "everySeconds": 604_800}], 7.0), ([], 0.0)])
async def test_2_x_tells_the_retention_of_a_bucket_by_its_own_api(rules: list[dict[str, Any]], days: float) -> None:
    """The answers are those of InfluxDB 2.9.1, whose InfluxQL says 0s of every bucket."""
    policies = {
        "columns": ["name", "duration", "shardGroupDuration", "replicaN", "default"],
        "values": [["autogen", "0s", "168h0m0s", 1, True]],
    }

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/ping":
            return web.Response(status=204, headers={"X-Influxdb-Version": "v2.9.1"})
        if request.path == "/write":
            return web.Response(status=204)
        if request.path == "/api/v2/buckets":
            assert request.headers["Authorization"] == "Token secret"
            assert request.query["name"] == "telemetry"
            return web.json_response({"buckets": [{"name": "telemetry", "retentionRules": rules}]})
        series = [policies] if "RETENTION" in request.query["q"] else []
        return web.json_response({"results": [{"statement_id": 0, "series": series}]})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        found = await database_probe.probe(Influx(url=f"http://127.0.0.1:{port}", token=SecretStr("secret")))
    finally:
        await runner.cleanup()
    assert (found.fault, found.version, found.retention_days) == ("", "2.9", days)
    assert (found.writable, found.readable, found.occupancy_days) == ("yes", "yes", 0.0)


def doctor_command(environment: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    command = (sys.executable, "-m", "tolbooth", "doctor", *arguments)
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_the_command_fails_where_something_does(tmp_path: Path) -> None:
    environment = {
        "TOLBOOTH_REGISTRY": str(write_estate(tmp_path / "estate", 3)),
        "TOLBOOTH_DATA": str(tmp_path / "data"),
        "TOLBOOTH_MQTT__PORT": str(free_port()),
        "TOLBOOTH_INFLUX__URL": f"http://127.0.0.1:{free_port()}",
        "TOLBOOTH_HEALTH__PORT": str(free_port()),
    }
    code, said = doctor_command(environment, "--json")
    found: list[dict[str, Any]] = json.loads(said)
    assert code == 1
    failed = [each["check"] for each in found if each["severity"] == "FAIL"]
    assert failed == ["broker", "database", "ingest"]
    assert doctor_command({**environment, "TOLBOOTH_MQTT__PRT": "1"})[0] == 2
    assert doctor_command(environment, "--jsn")[0] == 2


def test_a_registry_with_mistakes_is_not_said_to_be_the_brokers_fault(tmp_path: Path) -> None:
    estate = write_estate(tmp_path / "estate", 3)
    devices = estate / "sim-bench" / "devices.csv"
    devices.write_text(devices.read_text().replace("room_sensor", "rom_sensor"))
    environment = {"TOLBOOTH_REGISTRY": str(estate), "TOLBOOTH_MQTT__PORT": str(free_port())}
    code, said = doctor_command({**environment, "TOLBOOTH_DATA": str(tmp_path / "data")}, "--json")
    found: list[dict[str, Any]] = json.loads(said)
    assert code == 1
    assert not [each for each in found if each["check"].startswith("broker")]
    (told,) = (each for each in found if each["check"] == "registry")
    assert told["evidence"].endswith("(and 2 more)")
    assert f"tolbooth devices check {estate}" in told["mend"]


def test_what_the_machine_shows(tmp_path: Path) -> None:
    assert doctor.__doc__
    settings = SETTINGS.model_copy(update={"data": tmp_path})
    assert "is not there" in machine.data(settings).fault
    written = tmp_path / "tolbooth.toml"
    written.touch(mode=0o644)
    assert [(each.path, each.mode & 0o777, each.secret) for each in machine.files(settings, written, None)] == [
        (written, 0o644, False)
    ]


def test_a_security_folder_is_private_and_its_certificates_hold(tmp_path: Path) -> None:
    folder, estate = tmp_path / "security", write_estate(tmp_path / "estate", 3)
    store.init(folder, registry.load(estate), time.time_ns(), registry=estate)
    settings = SETTINGS.model_copy(update={"data": tmp_path / "data"})
    assert wrong(findings.of_files(machine.files(settings, None, folder))) == []
    assert list(machine.certificates(settings, folder)) == []
    (folder / "authority" / "ca.key").chmod(0o644)
    assert [found[:2] for found in wrong(findings.of_files(machine.files(settings, None, folder)))] == [
        ("FAIL", "file modes")
    ]
