"""The command of the analysts, against the real InfluxDB: the tables, and what is said where there is none."""

import asyncio
import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import tolbooth
from devices.factors import CARBON, GAS_KWH_M3, PRICES
from devices.localdays import HALF_HOUR_NS
from devices.timestamps import SECOND
from ingest.rollup.recompute import recompute
from ingest.servers import Database
from tests.conftest import StartDatabase
from tests.ingest.databases import METER, empty, write

SUNDAY = int(datetime(2026, 10, 24, 23, tzinfo=UTC).timestamp()) * SECOND
"""Midnight in London before the clocks go back."""
README = Path(__file__).parents[2] / "README.md"
ROOM = "building=b,council=c,device=pir,level=1,model=x,space=s"


async def filled(database: Database, name: str) -> dict[str, str]:
    """A database with one kWh and a tenth of a cubic metre in each half-hour of two days, and a room in use once."""
    kwh, gas = METER.format(device="e"), METER.format(device="g").replace("meter=m", "meter=gas")
    lines = [
        (f"{tags} {key}={n * step:.1f}", SUNDAY + n * HALF_HOUR_NS)
        for tags, key, step in ((kwh, "electricity_import_kwh", 1), (gas, "gas_m3", 0.1))
        for n in range(50 + 48 + 1)
    ]
    lines += [(f"occupancy,{ROOM} occupied={n},people={3 * n}", SUNDAY + (1 - n) * HALF_HOUR_NS) for n in (1, 0)]
    lines += [(f"climate,{ROOM} temperature_c=19.5", SUNDAY + 1)]
    async with empty(database.url, name) as influx:
        await write(influx, lines)
        await recompute(influx, SUNDAY, SUNDAY + 99 * HALF_HOUR_NS)
    return {"TOLBOOTH_REGISTRY": "estate", "TOLBOOTH_INFLUX__URL": database.url, "TOLBOOTH_INFLUX__DATABASE": name}


async def export(environment: dict[str, str], *arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, tolbooth.app, ["export", *arguments], env=environment)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


async def test_consumption_by_day_is_right_when_the_clocks_change(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = await filled(database, "export_days")
    result = await export(environment, "consumption", "--by", "day", "--output", "days.csv")
    assert (result.exit_code, "4 rows are in days.csv" in result.output) == (0, True), result.output
    found = rows_of((tmp_path / "days.csv").read_text())
    electricity = {row["local_time"]: row for row in found if row["device"] == "e"}
    assert [row["time"] for row in electricity.values()][:2] == ["2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"]
    assert electricity["2026-10-25T00:00:00+01:00"]["electricity_import_kwh"] == "50.0"
    assert electricity["2026-10-26T00:00:00+00:00"]["electricity_import_kwh"] == "48.0"
    sunday = electricity["2026-10-25T00:00:00+01:00"]
    assert (sunday["building"], sunday["meter"], sunday["role"], sunday["gas_m3"]) == ("b", "m", "main", "")
    assert float(sunday["cost_gbp"]) == pytest.approx(50 * PRICES.electricity)
    assert float(sunday["carbon_kgco2e"]) == pytest.approx(50 * CARBON.electricity)
    (gas,) = (row for row in found if row["device"] == "g" and row["local_time"].startswith("2026-10-25"))
    assert float(gas["cost_gbp"]) == pytest.approx(5 * GAS_KWH_M3 * PRICES.gas, abs=1e-6)


async def test_the_command_of_the_readme_runs(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = README.read_text(encoding="utf-8").split("\n## Query it\n")[1].split("\n## ")[0]
    (command,) = re.findall(r"^tolbooth export (.*)$", section, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    result = await export(await filled(database, "export_readme"), *command.split())
    assert result.exit_code == 0, result.output
    assert len(rows_of((tmp_path / "october.csv").read_text())) == 4


async def test_utilisation_and_readings_go_to_standard_output(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = await filled(database, "export_rooms")
    (use,) = rows_of((await export(environment, "utilisation")).stdout)
    assert (use["local_time"], use["space"], use["occupied"], use["people_most"]) == (
        "2026-10-25T00:00:00+01:00", "s", "1.0", "3.0",
    )  # fmt: skip
    (reading,) = rows_of((await export(environment, "climate", "--since", "2026-10-25")).stdout)
    assert (reading["time"], reading["temperature_c"]) == ("2026-10-24T23:00:00.000000001Z", "19.5")
    half_hours = rows_of((await export(environment, "consumption", "--until", "2026-10-25")).stdout)
    assert len(half_hours) == 2 * 50
    assert [row["time"] for row in half_hours] == sorted(row["time"] for row in half_hours)
    some = await export(environment, "consumption", "--since", "2026-10-26", "--building", "b", "--building", "x'y")
    assert len(rows_of(some.stdout)) == 2 * 48


async def test_what_ends_early_leaves_no_file(
    start_database: StartDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a part, nor in place of an older one."""
    monkeypatch.chdir(tmp_path)
    database, old = await start_database(), tmp_path / "days.csv"
    environment = await filled(database, "export_away")
    old.write_text("older\n")
    await database.process.kill()
    result = await export(environment, "consumption", "--output", "days.csv")
    assert (result.exit_code, "start InfluxDB" in result.output) == (1, True), result.output
    assert old.read_text() == "older\n"
    assert not old.with_name("days.csv.part").exists()


async def test_parquet_has_the_same_rows(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.chdir(tmp_path)
    environment = await filled(database, "export_parquet")
    result = await export(environment, "consumption", "--format", "parquet", "--output", "half-hours.parquet")
    assert result.exit_code == 0, result.output
    found = parquet.read_table(tmp_path / "half-hours.parquet")
    assert str(found.schema.field("time").type) == "timestamp[ns, tz=UTC]"
    assert found.schema.field("gas_m3").metadata == {b"unit": b"m3"}
    assert found.num_rows == 2 * 98
    assert found.column("electricity_import_kwh").null_count == 98
    assert sum(value or 0 for value in found.column("electricity_import_kwh").to_pylist()) == 98


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("consumtion",), 2, "there is no table 'consumtion': ask for one of consumption, utilisation, climate"),
        (("consumption", "--building", "nowhere"), 1, "export_errors_rollup has no half_hour of building nowhere"),
        (("climate", "--since", "2027-01-01"), 1, "no climate is of these days: export_errors has it from 2026-10-25"),
        (("climate", "--since", "2026-10-26", "--until", "2026-10-25"), 2, "the last day is before the first"),
        (("climate", "--format", "parquet"), 2, "Parquet goes to a file"),
    ],
)
async def test_what_cannot_be_exported_is_said(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = await filled(database, "export_errors")
    result = await export(environment, *arguments)
    assert (result.exit_code, said in result.output) == (code, True), result.output
