"""The benchmark of the formats measures every one of them, on messages that are stored."""

import json
import subprocess
import sys
from pathlib import Path

from devices.formats import FORMATS

ROOT = Path(__file__).parents[1]


def test_every_format_is_measured_beside_native() -> None:
    command = (sys.executable, "-m", "tests.bench.formats", "--json", "--messages", "50", "--rounds", "1")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["bar"] == 3.0
    costs = told["formats"]
    assert sorted(costs) == sorted(FORMATS)
    assert costs["native"]["ratio_per_message"] == costs["native"]["ratio_per_value"] == 1.0
    assert costs["native"]["values"] == 4.0
    assert 0 < costs["thethingsstack"]["parse"] < costs["thethingsstack"]["ratio_per_message"]
    assert costs["sparkplug"]["parse"] == 0
    assert all(cost["values"] >= 1 and cost["us_per_message"] > 0 for cost in costs.values())
