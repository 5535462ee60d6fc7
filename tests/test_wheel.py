"""The wheel is whole: what it runs on is inside it, away from the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("devices", "ingest", "simulators", "dashboards")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built, folder = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("unpacked")
    command = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built))
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(folder: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        (sys.executable, *arguments), cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_every_file_of_the_packages_is_in_it(unpacked: Path) -> None:
    listed = subprocess.run(("git", "ls-files", *PACKAGES), cwd=ROOT, check=True, capture_output=True, text=True)
    missing = [name for name in listed.stdout.splitlines() if not (unpacked / name).exists()]
    assert not missing


def test_it_runs_away_from_the_repository(unpacked: Path) -> None:
    where = run(unpacked, "-c", "import tolbooth, devices; print(tolbooth.__file__, devices.__file__)")
    assert str(ROOT) not in where
    assert "is sound" in run(unpacked, "-m", "tolbooth", "devices", "check")
    assert "fresh" in run(unpacked, "-m", "tolbooth", "dashboards", "build", "--check")
