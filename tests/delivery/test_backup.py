"""The drill: back up under load, lose the machine, restore, and find journal and quarantine again, stored once."""

import asyncio
import gzip
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ingest import commands
from ingest.backup import BackupError, backup, restore, to_toml
from ingest.journalfile import FILE
from ingest.settings import Influx, Mqtt, Settings, load
from tests.bench.estate import BUILDING, COUNCIL
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import Publication, assert_stored, ingest_for, meanwhile, numbered, publisher, running

BAD = Publication(f"tolbooth/v1/{COUNCIL}/{BUILDING}/sim-00001/readings", b'{"temperature":900}')


async def test_the_drill(
    tmp_path: Path, estate: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    messages = numbered(100_000, devices=200, council=COUNCIL, building=BUILDING, timed=lambda n: n % 2 == 0)
    ingest = ingest_for(tmp_path / "ingest", estate, broker=broker.port, database=database.url)
    again = ingest_for(tmp_path / "again", estate, broker=broker.port, database=database.url)
    async with publisher(broker) as client:
        async with running(ingest):
            await client.publish([*islice(messages, 300), BAD])
            await ingest.settled(301)
            await database.process.kill()
            async with meanwhile(client, messages, 400) as sent:
                await ingest.until(lambda said: said["fates"]["journalled"] > 100)
                environment = ingest.process.environment
                saved = await asyncio.to_thread(command, environment, "backup", str(tmp_path / "one.tar"))
                assert "1 rows in quarantine" in saved
            await ingest.until(lambda said: said["fates"]["journalled"] == len(sent))
            await asyncio.to_thread(command, ingest.process.environment, "backup", str(tmp_path / "two.tar"))
        shutil.rmtree(ingest.data)
        await asyncio.to_thread(command, {}, "restore", str(tmp_path / "two.tar"), str(tmp_path / "restored"))
        shutil.copytree(tmp_path / "restored" / "data", again.data)
        await database.process.start()
        async with running(again):
            said = await again.settled(301 + len(sent))
            assert said["fates"]["stored"] == 300 + len(sent)
            kept = [(payload, reason) for _, payload, reason, _ in again.quarantine()]
            assert kept == [(BAD.payload, "out_of_range")]
            await assert_stored(database, client.ledger)


def command(environment: dict[str, str] | Any, *arguments: str) -> str:
    done = subprocess.run(
        (sys.executable, "-m", "tolbooth", *arguments),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def settings(tmp_path: Path, estate: Path) -> Settings:
    data = tmp_path / "data"
    data.mkdir()
    with sqlite3.connect(data / FILE) as db:
        for table in ("batch (messages, lines, received)", "tally (name, reason, n)", "quarantine (id)"):
            db.execute(f"CREATE TABLE {table}")
    mqtt = Mqtt(host="broker.example", username="ingest", password=SecretStr("s3cret"), ca_file=Path("ca.crt"))
    return Settings(registry=estate, data=data, mqtt=mqtt, influx=Influx(token=SecretStr("t0ken"), batch_lines=7))


def test_settings_are_kept_without_secrets_unless_asked(tmp_path: Path, settings: Settings) -> None:
    plain, whole = to_toml(settings, secrets=False), to_toml(settings, secrets=True)
    assert "s3cret" not in plain
    assert "t0ken" not in plain
    for text, mqtt, influx in ((plain, "", ""), (whole, "s3cret", "t0ken")):
        (tmp_path / "x.toml").write_text('registry = "estate"\n' + text)
        again = load(tmp_path / "x.toml", {})
        assert (again.mqtt.host, again.mqtt.ca_file, again.influx.batch_lines) == ("broker.example", Path("ca.crt"), 7)
        assert (again.mqtt.password.get_secret_value(), again.influx.token.get_secret_value()) == (mqtt, influx)


def test_a_restored_folder_starts_by_itself(tmp_path: Path, settings: Settings, estate: Path) -> None:
    backup(settings, tmp_path / "one.tar", secrets=True)
    assert (tmp_path / "one.tar").stat().st_mode & 0o777 == 0o600
    restore(tmp_path / "one.tar", tmp_path / "new")
    again = load(tmp_path / "new" / "tolbooth.toml", {})
    assert (again.registry, again.data) == (tmp_path / "new" / "estate", tmp_path / "new" / "data")
    assert again.mqtt == settings.mqtt
    files = {path.relative_to(estate): path.read_bytes() for path in estate.rglob("*") if path.is_file()}
    assert {p.relative_to(again.registry): p.read_bytes() for p in again.registry.rglob("*") if p.is_file()} == files


@pytest.mark.parametrize("secrets", [True, False])
def test_the_command_says_how_to_go_on(
    tmp_path: Path, settings: Settings, secrets: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    backup(settings, tmp_path / "one.tar", secrets=secrets)
    commands.restore(tmp_path / "one.tar", tmp_path / "new café")
    said = capsys.readouterr().out
    assert f"`tolbooth ingest --settings '{tmp_path}/new café/tolbooth.toml'`" in said
    assert ("no passwords and tokens" in said) is not secrets


@pytest.mark.parametrize("secrets", [True, False])
def test_the_key_of_small_spaces_is_a_secret_of_the_backup(tmp_path: Path, settings: Settings, secrets: bool) -> None:
    (settings.data / "veil.key").write_text("0f" * 32)
    backup(settings, tmp_path / "one.tar", secrets=secrets)
    restore(tmp_path / "one.tar", tmp_path / "new")
    key = tmp_path / "new" / "data" / "veil.key"
    assert key.exists() == secrets
    if secrets:
        assert key.read_text() == "0f" * 32
        assert key.stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten(tmp_path: Path, settings: Settings) -> None:
    backup(settings, tmp_path / "one.tar", secrets=False)
    with pytest.raises(BackupError, match="exists: name another file"):
        backup(settings, tmp_path / "one.tar", secrets=False)
    with pytest.raises(BackupError, match="is not empty: name a new folder"):
        restore(tmp_path / "one.tar", tmp_path)
    missing = settings.model_copy(update={"data": tmp_path / "nowhere"})
    with pytest.raises(BackupError, match="is not there"):
        backup(missing, tmp_path / "two.tar", secrets=False)


@pytest.mark.parametrize("name", ["../evil", "/evil", "estate/../../evil", "other", "estate"])
def test_an_archive_that_is_none_of_ours_is_refused(tmp_path: Path, settings: Settings, name: str) -> None:
    backup(settings, tmp_path / "one.tar", secrets=False)
    with tarfile.open(tmp_path / "one.tar", "a") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(BackupError, match="is no backup of tolbooth"):
        restore(tmp_path / "one.tar", tmp_path / "new" / "deep")
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "new").exists()


JUNK = {
    "nothing": b"",
    "a word": b"junk",
    "text": b"not a tar at all\n" * 100,
    "a page": b"<!doctype html>" + b" " * 20_000,
    "noise": bytes(range(1, 256)) * 100,
    "compressed": gzip.compress(b"x" * 1_000),
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_a_file_that_is_no_tar_is_named_in_one_line_with_the_mend(tmp_path: Path, junk: bytes) -> None:
    file = tmp_path / "junk.tar"
    file.write_bytes(junk)
    wrong = f"{file} is no tar file, or a scrap of one: name what `tolbooth backup` wrote, whole and not compressed"
    with pytest.raises(BackupError, match=f"^{re.escape(wrong)}$"):
        restore(file, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_backup_that_is_cut_off_says_so_and_nothing_of_it_is_restored(tmp_path: Path, settings: Settings) -> None:
    backup(settings, tmp_path / "one.tar", secrets=False)
    whole = (tmp_path / "one.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as tar:
        ends = [member.offset for member in tar.getmembers()[1:]]
    for size in {*ends, *(end + 100 for end in ends), *(end + 512 for end in ends), len(whole.rstrip(b"\0"))}:
        (tmp_path / "cut.tar").write_bytes(whole[:size])
        with pytest.raises(BackupError, match=r"cut\.tar is cut off or damaged: copy the backup again$"):
            restore(tmp_path / "cut.tar", tmp_path / "new")
        assert not (tmp_path / "new").exists()


def test_a_tar_of_nothing_and_a_file_that_is_not_there_are_no_backup(tmp_path: Path) -> None:
    (tmp_path / "zeros.tar").write_bytes(bytes(10_240))
    with pytest.raises(BackupError, match=r"is no backup of tolbooth: it holds no manifest\.json$"):
        restore(tmp_path / "zeros.tar", tmp_path / "new")
    with pytest.raises(BackupError, match=r"cannot be restored: .*No such file"):
        restore(tmp_path / "none.tar", tmp_path / "new")
