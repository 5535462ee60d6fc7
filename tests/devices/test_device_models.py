"""Every device model, against the examples that stand beside it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from devices import modelfile
from devices.devicemodel import find
from devices.lorawan import Uplink, conventions, read_uplink
from devices.message import Reason, TimeSource
from devices.modelfile import EXAMPLES, MAKER_FILE, ModelFile, Rule
from devices.timestamps import from_rfc3339

MODELS = Path(modelfile.__file__).parent / "models"
FILES = sorted(path for path in MODELS.glob("*/*.yaml") if not path.name.endswith(EXAMPLES))
OWN = [path for path in FILES if path.name != MAKER_FILE]
CASES = [
    pytest.param(path, case, id=f"{path.parent.name}/{path.name.removesuffix(EXAMPLES)}-{number}")
    for path in sorted(MODELS.rglob(f"*{EXAMPLES}"))
    for number, case in enumerate(yaml.safe_load(path.read_text("utf-8")))
]


def name_of(path: Path) -> str:
    if path.parent == MODELS:
        return ""
    stem = path.name.removesuffix(EXAMPLES)
    return f"{path.parent.name}/{'no-model-file' if stem == 'maker' else stem}"


@pytest.mark.parametrize(("path", "case"), CASES)
def test_example(path: Path, case: dict[str, Any]) -> None:
    frame = bytes.fromhex(case["frame"]) if "frame" in case else None
    uplink = Uplink("0" * 16, case["port"], frame, case.get("decoded"), name_of(path), None, TimeSource.ARRIVAL)
    decoded = read_uplink(uplink)
    found = {
        (sample.time, f"{r.field.name}.{r.channel}".rstrip(".")): r.value
        for sample in decoded.samples
        for r in sample.readings
    }
    wanted: dict[tuple[int | None, str], float] = {(None, key): value for key, value in case.get("expect", {}).items()}
    for time, values in case.get("at", {}).items():
        wanted |= {(from_rfc3339(time), key): value for key, value in values.items()}
    assert {key: found.get(key) for key in wanted} == pytest.approx(wanted, rel=5e-4)
    if "rejects" in case:
        assert {reject.reason for reject in decoded.rejects} >= set(map(Reason, case["rejects"]))


@pytest.mark.parametrize("path", OWN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_model_has_examples_and_one_of_them_is_an_error(path: Path) -> None:
    examples = yaml.safe_load(path.with_name(path.stem + EXAMPLES).read_text("utf-8"))
    assert all(example["source"] for example in examples)
    assert any("rejects" in example for example in examples)
    assert any("expect" in example or "at" in example for example in examples) or path.stem == "gs101"


def test_names_of_a_maker_are_unique() -> None:
    for folder in {path.parent for path in OWN}:
        names: list[str] = []
        for path in folder.glob("*.yaml"):
            if path in OWN:
                own = modelfile.read(ModelFile, path)
                names += {path.stem, own.model.lower().replace(" ", "-"), *own.names}
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("Milesight AM307", "Milesight AM307"),
        ("milesight-iot/am307", "Milesight AM307"),
        ("milesight/AM307L", "Milesight AM307"),
        ("milesight/em300-th-868m", "Milesight EM300-TH"),
        ("Decentlab DL-SHT35-001", "Decentlab DL-SHT35"),
        ("decentlab/dl-dlr2-010", "Decentlab DL-DLR2-010"),
        ("teneo-iot co2-stoplicht", "Teneo IoT CO2-stoplicht"),
        ("AM307", "Milesight AM307"),
        ("milesight/am9000", "Milesight"),
        ("nobody/am307", None),
        ("temperature sensor", None),
        ("", None),
    ],
)
def test_a_name_finds_its_model(name: str, model: str | None) -> None:
    found = find(name)
    assert (found.name if found else None) == model


def test_a_faulty_model_file_says_where_and_what(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("maker: X\nmodel: Y\nfields:\n  t: {field: temprature}\n  b: {field: battery_voltage, unit: kPa}\n")
    with pytest.raises(ValueError, match=r"x\.yaml.*fields\.t\.field.*temprature.*battery_voltage is stored in 'V'"):
        modelfile.read(ModelFile, path)


def test_ingest_s_own_fields_cannot_be_mapped() -> None:
    with pytest.raises(ValueError, match="no field that a device may send"):
        Rule(field="online")


def test_conventions_are_a_model_of_their_own() -> None:
    assert conventions().codec == ""
