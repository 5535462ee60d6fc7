"""What an estate's files mean once loaded."""

import csv
import time
from datetime import time as clock
from pathlib import Path

import pytest

from devices.estate.reference import benchmarks, climate_stations, council_areas, superseded_codes
from devices.message import SourceConfig
from devices.model import DeviceKind, Hours, Meter, Space, Utility
from devices.registry import RegistryError, load
from devices.timestamps import FOREVER

DOCS = Path(__file__).parents[2] / "docs" / "estate.md"
HEADER = "id,kind,model,interval,building,from\n"


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _council(folder: Path, extra: str = "", **files: str) -> Path:
    council = f"id: sim-moor\nname: Moor\ninvented: true\nclimate_station: tiree\n{extra}"
    hall = "name: Hall\nuse: hall\ntm46: 16\nfloor_area_m2: 300\nlevels: {ground: Ground floor}\n"
    return _write(folder, {"council.yaml": council, "buildings/hall.yaml": hall, **files})


def _documented() -> dict[str, str]:
    """The files in docs/estate.md: fenced blocks whose first line names a file."""
    files = {}
    for block in DOCS.read_text(encoding="utf-8").split("```")[1::2]:
        first, _, rest = block.partition("\n")[2].partition("\n")
        if first.startswith("# estate/"):
            files[first.removeprefix("# ")] = rest
    return files


def test_the_documented_estate(tmp_path: Path) -> None:
    council = load(_write(tmp_path, _documented()) / "estate").councils["moray"]
    assert (council.name, council.gss, council.climate_station) == ("The Moray Council", "S12000020", "nairn")
    assert council.sources == {
        "native": SourceConfig("native", "moray", "native", "tolbooth/v1"),
        "z2m-elgin-library": SourceConfig(
            "z2m-elgin-library", "moray", "zigbee2mqtt", "zigbee2mqtt/elgin-library", "elgin-library"
        ),
    }
    library = council.buildings["elgin-library"]
    assert (library.tm46, library.floor_area_m2, library.uprn) == (10, 1450.0, "")
    assert library.hours == (
        Hours(frozenset({0, 1, 2, 3}), clock(10), clock(20)),
        Hours(frozenset({4, 5}), clock(10), clock(17)),
    )
    assert list(library.levels.items()) == [("ground", "Ground floor"), ("first", "First floor")]
    assert library.spaces["reading-room"] == Space("reading-room", "Reading room", "first", "library", 160.0, 44)
    assert library.meters["heat-boilers"] == Meter("heat-boilers", Utility.HEAT, "gas-main", "space heating")


def test_devices_of_the_documented_estate(tmp_path: Path) -> None:
    devices = load(_write(tmp_path, _documented()) / "estate").councils["moray"].devices
    assert len(devices) == 7
    lamp, air, heat = devices["lib-lamp-1"], devices["lib-air-1"], devices["lib-heat"]
    assert (lamp.kind, lamp.source, lamp.address, lamp.interval) == (
        DeviceKind.BULB,
        "z2m-elgin-library",
        "lending/lamp-1",
        300,
    )
    assert (air.source, air.address) == ("native", "lib-air-1")
    assert [(each.space, each.level) for each in air.assignments] == [("lending", "ground"), ("reading-room", "first")]
    # 2025-04-01 00:00 BST, 2026-02-01 00:00 GMT, 2025-10-06 14:30 BST
    assert air.assignments[0].start == 1_743_462_000_000_000_000
    assert air.assignments[0].end == air.assignments[1].start == 1_769_904_000_000_000_000
    assert air.assignments[1].end == FOREVER
    assert heat.assignments[0].start == 1_759_757_400_000_000_000
    assert heat.assignments[0].opening_register == 0.0


def test_the_native_source_may_be_moved(tmp_path: Path) -> None:
    native = "sources:\n  - {id: native, format: native, topic: moor/telemetry, options: {a: b}}\n"
    sources = load(_council(tmp_path, native)).councils["sim-moor"].sources
    assert sources == {"native": SourceConfig("native", "sim-moor", "native", "moor/telemetry", options={"a": "b"})}


def test_yaml_means_what_it_looks_like(tmp_path: Path) -> None:
    """`no`, `16:30` and an unquoted date are a boolean, a number and a date in YAML 1.1."""
    hall = (
        "name: no\nuse: on\ntm46: 016\nfloor_area_m2: 1e3\nlevels: {y: off}\n"
        "hours: [{days: mon, from: 16:30, to: 21:05}]\n"
    )
    building = load(_council(tmp_path, **{"buildings/hall.yaml": hall})).councils["sim-moor"].buildings["hall"]
    assert (building.name, building.use, building.tm46, building.floor_area_m2) == ("no", "on", 16, 1000.0)
    assert building.levels == {"y": "off"}
    assert building.hours == (Hours(frozenset({0}), clock(16, 30), clock(21, 5)),)


def test_csv_as_spreadsheets_save_it(tmp_path: Path) -> None:
    """With a byte order mark, carriage returns, padding, empty lines, and a line break in a cell."""
    rows = "\ufeffid,kind,model, interval,building,from\r\n\r\na , bulb,X,60,hall,2026-01-01\r\n,,,,,\r\n"
    devices = load(_council(tmp_path, **{"devices.csv": rows})).councils["sim-moor"].devices
    assert devices["a"].kind == DeviceKind.BULB
    broken = HEADER + '"a\nb",bulb,X,60,hall,2026-01-01\nc,bulp,X,1,hall,2026-01-01\n'
    with pytest.raises(RegistryError) as caught:
        load(_council(tmp_path, **{"devices.csv": broken}))
    assert [problem.line for problem in caught.value.problems] == [2, 4]


def test_ten_thousand_devices_load_in_a_moment(tmp_path: Path) -> None:
    rows = "".join(f"d-{n},bulb,X,60,hall,2026-01-01\n" for n in range(10_000))
    _council(tmp_path, **{"devices.csv": HEADER + rows})
    start = time.process_time()
    council = load(tmp_path).councils["sim-moor"]
    assert len(council.devices) == 10_000
    assert time.process_time() - start < 5


def test_reference_tables_are_whole() -> None:
    assert len(council_areas()) == 32
    assert sorted(benchmarks()) == list(range(1, 30))
    assert {area.climate_station for area in council_areas().values()} <= set(climate_stations())
    assert {old: area.gss for old, area in superseded_codes().items()} == {
        "S12000009": "S12000045",
        "S12000015": "S12000047",
        "S12000024": "S12000048",
        "S12000044": "S12000050",
        "S12000046": "S12000049",
    }
    with (Path(__file__).parents[2] / "devices" / "data" / "tm46.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 29
