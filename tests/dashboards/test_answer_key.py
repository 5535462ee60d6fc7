"""What the boards say against the truth: consumption in the roll-ups beside the simulators' answer key, with faults."""

import asyncio
import csv
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from devices import registry
from devices.model import Estate
from devices.rollups import DAY, database_of
from devices.timestamps import SECOND
from ingest.influx import Influx
from ingest.load import load, roll_up
from ingest.servers import Database
from ingest.settings import Influx as InfluxSettings
from ingest.settings import Settings
from simulators.answers import write_answers
from simulators.backfill import messages
from simulators.scenario import read_scenario
from tests.dashboards.readings import LONDON

ESTATE = Path(registry.__file__).parents[1] / "simulators" / "estate"
START, END = datetime(2026, 11, 10, tzinfo=LONDON), datetime(2026, 11, 14, tzinfo=LONDON)
DAYS = [date(2026, 11, day) for day in (11, 12, 13)]
"""The first day begins with the first reading, which is not at midnight."""
STEP_S = 1_800
BEGIN_ANEW = {
    "sim-th-electricity-main": "kind: register_reset, from: 1d 10:10",
    "sim-ps-electricity-main": "kind: register_rollover, from: 1d 10:10",
    "sim-ac-electricity-main": "kind: swapped_meter, from: 1d 10:10",
}
"""Device → what makes its register begin anew."""
LOSE_NOTHING = {
    "sim-ch-electricity-main": "kind: spikes, from: 1d, to: 2d",
    "sim-cc-electricity-main": "kind: loss, severity: 0.5, from: 0d 12:00, to: 3d",
    "sim-lib-electricity-main": "kind: gateway_silence, from: 1d 06:10, to: 1d 17:50",
    "sim-nur-electricity-main": "kind: reordering, from: 0d 12:00, to: 3d",
}
"""Device → what befalls it, and costs no register."""
FAULTS = BEGIN_ANEW | LOSE_NOTHING
Days = dict[str, dict[date, float]]
"""Device → local day → kWh"""


def mains(estate: Estate) -> dict[tuple[str, str], str]:
    """(building, metering point) → device, of the main electricity meters."""
    (council,) = estate.councils.values()
    at = round(START.timestamp()) * SECOND
    return {
        (place.building, place.meter): device.id
        for device in council.devices.values()
        for place in device.assignments
        if (meter := council.buildings[place.building].meters.get(place.meter))
        and (meter.utility, meter.parent) == ("electricity", "")
        and place.start <= at < place.end
    }


class Run(NamedTuple):
    """Days in the roll-ups, days of the key, and the most that a meter saw in half an hour; kWh."""

    shown: Days
    true: Days
    most: dict[str, float]


@pytest.fixture(scope="module")
def run(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("answers")
    file = folder / "faults.yaml"
    file.write_text("name: meters\nfaults:\n" + "".join(f"  - {{device: {d}, {how}}}\n" for d, how in FAULTS.items()))
    estate = registry.load(ESTATE)
    scenario = read_scenario(file, estate)
    start, end = (round(moment.timestamp()) for moment in (START, END))
    write_answers(folder, estate, scenario, seed=1, start=start, end=end)
    influx = InfluxSettings(url=database.url, database="boards_answers", occupancy_days=0)
    settings = Settings(registry=ESTATE, data=folder / "data", influx=influx)
    history = messages(estate, start_ns=start * SECOND, end_ns=end * SECOND, seed=1, every=STEP_S, scenario=scenario)

    async def fill() -> Days:
        await load(history, settings, lambda count, received: None)
        await roll_up(settings, lambda share: None)
        async with Influx(influx) as reader:
            question = f'SELECT "electricity_import_kwh" FROM "{DAY}" GROUP BY "device"'
            found = await reader.query(question, database=database_of(reader.database))
        return {
            one["tags"]["device"]: {
                datetime.fromtimestamp(at // SECOND, LONDON).date(): kwh for at, kwh in one["values"]
            }
            for one in found
        }

    with (folder / "energy.csv").open() as rows:
        return Run(asyncio.run(fill()), *true_days(csv.DictReader(rows), mains(estate)))


def true_days(rows: Iterable[dict[str, str]], devices: dict[tuple[str, str], str]) -> tuple[Days, dict[str, float]]:
    """What each meter saw, and the most that it saw in one half-hour."""
    found: Days = defaultdict(lambda: defaultdict(float))
    most: dict[str, float] = defaultdict(float)
    for row in rows:
        device = devices.get((row["building"], row["meter"]))
        if device:
            kwh = float(row["value"])
            found[device][datetime.fromisoformat(row["time"]).astimezone(LONDON).date()] += kwh
            most[device] = max(most[device], kwh)
    return found, most


def off(run: Run, device: str, day: date) -> float:
    """kWh too many."""
    return run.shown[device][day] - run.true[device][day]


def near(run: Run, device: str, day: date) -> float:
    """A thousandth, and the step of a register at both ends."""
    return 1e-3 * run.true[device][day] + 0.02


def test_meters_without_a_fault_tell_the_truth(run: Run) -> None:
    healthy = set(run.true) - set(FAULTS)
    assert len(healthy) == 2
    for device in healthy:
        for day in DAYS:
            assert abs(off(run, device, day)) < near(run, device, day)


@pytest.mark.parametrize("device", LOSE_NOTHING)
def test_faults_that_lose_no_register_cost_nothing(run: Run, device: str) -> None:
    """What is lost, late, silent for hours, or too high for a moment is right again with the next reading."""
    for day in DAYS:
        assert abs(off(run, device, day)) < near(run, device, day)


@pytest.mark.parametrize("device", BEGIN_ANEW)
def test_a_register_that_begins_anew_costs_one_step(run: Run, device: str) -> None:
    """Nobody knows what was used between its last reading and its first; what another meter shows is taken for use."""
    first, *others = DAYS
    shows = 37.5 if "swapped_meter" in BEGIN_ANEW[device] else 0.0
    assert -run.most[device] - near(run, device, first) < off(run, device, first) < shows + near(run, device, first)
    for day in others:
        assert abs(off(run, device, day)) < near(run, device, day)
