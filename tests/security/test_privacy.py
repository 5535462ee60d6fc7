"""Privacy of occupancy, on the real InfluxDB: small spaces are never alone, sums stay right, desks are a decision."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from dashboards import queries, utilisation
from devices.check import check
from devices.decode import Decoder
from devices.message import REFUSED, Message, Reason
from devices.privacy import Group, veils
from devices.registry import load
from devices.rollups import HALF_HOUR, database_of
from devices.schema import BY_NAME, SMALL_SPACES
from devices.timestamps import SECOND
from ingest.influx import Influx
from ingest.lineprotocol import Tags, lines
from ingest.rollup.recompute import recompute
from ingest.settings import Influx as Options
from ingest.settings import SettingsError
from ingest.veil import BUCKET, KEY_BYTES, key_of
from tests.conftest import StartBroker, StartDatabase
from tests.delivery.harness import DATABASE, ingest_for, query, running

NOW = 1_790_000_100 * SECOND // (2 * BUCKET) * 2 * BUCKET
"""The begin of a half-hour."""
KEY = b"k" * KEY_BYTES
ROOMS = {"den-1": 2, "den-2": 4, "den-3": 3, "attic": 4, "hall": 80}
"""space → people it is meant for; the attic is alone on its level"""


def estate(folder: Path, privacy: str = "{smallest_space: 5}", extra: str = "", kind: str = "room_sensor") -> Path:
    council = folder / "moor"
    (council / "buildings").mkdir(parents=True)
    (council / "council.yaml").write_text(
        f"id: moor\nname: Moor\ninvented: true\nclimate_station: edinburgh_rbge\nprivacy: {privacy}\n"
    )
    spaces = "".join(
        f"  - {{id: {name}, name: {name}, level: {'top' if name == 'attic' else 'ground'}, use: office, "
        f"area_m2: 20, capacity: {size}}}\n"
        for name, size in ROOMS.items()
    )
    (council / "buildings/office.yaml").write_text(
        "name: Office\nuse: office\ntm46: 1\nfloor_area_m2: 1000\nlevels: {ground: G, top: T}\n"
        f"spaces:\n{spaces}{extra}"
    )
    rows = "".join(f"s-{name},{kind},Tolbooth room-sensor,60,office,{name},2020-01-01\n" for name in ROOMS)
    (council / "devices.csv").write_text(f"id,kind,model,interval,building,space,from\n{rows}")
    return folder


def message(space: str, at: int, **values: float) -> Message:
    body = json.dumps({"time": at // 1_000_000, **values}).encode()
    return Message(f"tolbooth/v1/moor/office/s-{space}/readings", body, at, False)


def stored(folder: Path, messages: list[Message], key: bytes = KEY) -> list[str]:
    known = load(folder)
    decoder, tags = Decoder(known), Tags(known, key)
    return [line for one in messages for line in lines(decoder.decode(one).placed, tags)]


def a_morning() -> list[Message]:
    """Every room each minute for an hour, all at the same instants."""
    counts = {"den-1": 1.0, "den-2": 3.0, "den-3": 2.0, "hall": 40.0}
    return [
        message(name, NOW + minute * 60 * SECOND, people=people, temperature=20.0)
        for minute in range(60)
        for name, people in counts.items()
    ]


async def test_small_spaces_are_stored_together_and_their_sums_are_right(
    tmp_path: Path, start_database: StartDatabase
) -> None:
    database = await start_database()
    messages = a_morning()
    shuffled = [*messages, *messages]
    random.Random(5).shuffle(shuffled)
    text = "\n".join(stored(estate(tmp_path / "estate"), shuffled))
    await query(database, f'CREATE DATABASE "{DATABASE}"')
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{database.url}/write", params={"db": DATABASE}, data=text.encode()) as answer,
    ):
        assert answer.status == 204, await answer.text()

    for series in await query(database, "SHOW SERIES FROM occupancy"):
        names = [row[0] for row in series["values"]]
        assert not [name for name in names if "den-" in name], "neither space nor device is named"
        assert sum(f"space={SMALL_SPACES}" in name.replace("\\", "") for name in names) == 3
    (climate,) = await query(database, "SELECT temperature_c FROM climate WHERE space = 'den-1'")
    (people,) = await query(database, f"SELECT people FROM occupancy WHERE space = '{SMALL_SPACES}'")
    assert len(people["values"]) == 180, "nothing overwrote anything, and twice is once"
    assert not {at for at, _ in climate["values"]} & {at for at, _ in people["values"]}

    (series,) = await query(database, asked(queries.latest_mean("sum", BY_NAME["people"], "15m", queries.BUILDING)))
    assert series["values"][0][1] == 46.0, "1 + 3 + 2 + 40 in the last quarter"

    rolled = database_of(DATABASE)
    async with Influx(Options(url=database.url)) as influx:
        await influx.ensure_database(rolled)
        await recompute(influx, NOW, NOW + 3_600 * SECOND)
    for series in await query(database, f"SHOW SERIES FROM {HALF_HOUR}", rolled):
        names = [row[0] for row in series["values"]]
        assert len(names) == 4
        assert sum(f"space={SMALL_SPACES}" in name.replace("\\", "") for name in names) == 3
        assert not [name for name in names if "den-" in name], "roll-ups name neither space nor device"
    (series,) = await query(database, asked(utilisation.sum_of_spaces(BY_NAME["people"], "30m", "building")), rolled)
    assert series["values"] == [[NOW + n * 2 * BUCKET, 46.0] for n in range(2)], "and so in each half-hour"
    use = utilisation.use_of_spaces(BY_NAME["occupied"], BY_NAME["people"], ("share", "usual", "most"))
    uses = await query(database, asked(use), rolled)
    assert {series["tags"]["space"] for series in uses} == {"hall", SMALL_SPACES}, "none of them is alone in a table"


def asked(text: str) -> str:
    """A query of the boards, for all spaces and the hour of the morning."""
    for name, value in (("council", "moor"), ("building", "office"), ("space", ".+")):
        text = text.replace(f"${name}", value)
    return text.replace("$timeFilter", f"time >= {NOW} AND time < {NOW + 3_600 * SECOND}")


def test_without_the_option_every_space_is_stored_by_itself(tmp_path: Path) -> None:
    (line,) = stored(estate(tmp_path, "{}"), [message("den-1", NOW, people=1.0)])
    assert line == (
        "occupancy,building=office,council=moor,device=s-den-1,level=ground,model=Tolbooth\\ room-sensor,space=den-1 "
        f"people=1.0 {NOW}"
    )


def test_who_has_no_key_cannot_find_space_or_moment(tmp_path: Path) -> None:
    folder = estate(tmp_path)
    mine, others = (stored(folder, a_morning(), key) for key in (KEY, b"o" * KEY_BYTES))
    assert not {line for line in mine if "small" in line} & {line for line in others if "small" in line}


def test_a_key_is_made_once_and_only_where_it_is_wanted(tmp_path: Path) -> None:
    assert key_of(tmp_path / "a", load(estate(tmp_path / "plain", "{}"))) == b""
    wanted = load(estate(tmp_path / "private"))
    key = key_of(tmp_path / "b", wanted)
    assert key == key_of(tmp_path / "b", wanted) != key_of(tmp_path / "c", wanted)
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "b/veil.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("added", ["\n", "  \n\n"])
def test_a_key_that_was_copied_with_a_line_end_is_the_same_key(tmp_path: Path, added: str) -> None:
    wanted = load(estate(tmp_path / "private"))
    key = key_of(tmp_path, wanted)
    (tmp_path / "veil.key").write_bytes(key + added.encode())
    assert key_of(tmp_path, wanted) == key
    assert stored(tmp_path / "private", [message("den-1", NOW, people=1.0)], key_of(tmp_path, wanted))


@pytest.mark.parametrize("spoiled", ["", "0f0f", "0f" * 40])
def test_what_is_no_key_is_a_mistake_to_mend(tmp_path: Path, spoiled: str) -> None:
    (tmp_path / "veil.key").write_text(spoiled)
    with pytest.raises(SettingsError, match="is no key of 32 bytes in hexadecimal: restore it from a backup"):
        key_of(tmp_path, load(estate(tmp_path / "private")))


def test_a_key_that_cannot_be_used_is_a_mistake_to_mend(tmp_path: Path) -> None:
    (tmp_path / "veil.key").mkdir()
    with pytest.raises(SettingsError, match="let ingest's user read and write it"):
        key_of(tmp_path, load(estate(tmp_path / "private")))


async def test_a_key_that_cannot_be_used_stops_no_ingest_that_runs(
    tmp_path: Path, start_broker: StartBroker, start_database: StartDatabase
) -> None:
    broker, database = await start_broker(), await start_database()
    folder = estate(tmp_path / "estate", "{}")
    ingest = ingest_for(tmp_path / "ingest", folder, broker=broker.port, database=database.url)
    async with running(ingest):
        (ingest.data / "veil.key").write_text("none")
        council = folder / "moor/council.yaml"
        council.write_text(council.read_text().replace("privacy: {}", "privacy: {smallest_space: 5}"))
        async with asyncio.timeout(10):
            while "is no key of 32 bytes" not in ingest.log:  # noqa: ASYNC110  the log is another process's
                await asyncio.sleep(0.1)
        assert "the registry changed, and is not taken up" in ingest.log
        said = await ingest.status()
        assert said["broker"].startswith("connected")
        assert "is no key of 32 bytes" in said["registry"]
        council.write_text(council.read_text().replace("privacy: {smallest_space: 5}", "privacy: {}"))
        await ingest.until(lambda said: not said["registry"], 10)


def test_a_small_space_with_too_few_beside_it_joins_the_building_or_is_not_stored(tmp_path: Path) -> None:
    (council,) = load(estate(tmp_path / "a")).councils.values()
    known = veils(council)
    ground = Group("office", "ground")
    assert known == {
        ("office", "den-1"): ground,
        ("office", "den-2"): ground,
        ("office", "den-3"): ground,
        ("office", "attic"): None,
    }
    (narrow,) = load(estate(tmp_path / "b", "{smallest_space: 12}")).councils.values()
    assert set(veils(narrow).values()) == {Group("office", "")}, "9 on the ground and 4 at the top are 13 together"


def test_what_cannot_be_hidden_is_refused_and_not_kept(tmp_path: Path) -> None:
    decoder = Decoder(load(estate(tmp_path)))
    outcome = decoder.decode(message("attic", NOW, people=2.0, temperature=20.0))
    assert [reading.field.name for one in outcome.placed for reading in one.readings] == ["temperature"]
    register = decoder.decode(message("den-1", NOW, people_in=7.0))
    assert register.placed == []
    for reject in (*outcome.rejects, *register.rejects):
        assert reject.reason is Reason.PRIVATE
        assert reject.reason in REFUSED, "what is refused is counted, and not kept in quarantine"
        assert not set("0123456789") & set(reject.detail)


def test_desks_are_a_decision(tmp_path: Path) -> None:
    off, on = estate(tmp_path / "off", "{}"), estate(tmp_path / "on", "{desk_sensors: true}")
    refused = Decoder(load(off)).decode(message("hall", NOW, desks_in_use=3.0))
    assert refused.placed == []
    assert [reject.reason for reject in refused.rejects] == [Reason.PRIVATE]
    assert "desk_sensors: true" in refused.rejects[0].detail
    assert len(Decoder(load(on)).decode(message("hall", NOW, desks_in_use=3.0)).placed) == 1


@pytest.mark.parametrize("privacy", ["{}", "{desk_sensors: false}"])
def test_a_sensor_at_a_desk_is_a_mistake_in_the_estate_until_it_is_allowed(tmp_path: Path, privacy: str) -> None:
    desk = "  - {id: desk-1, name: Desk 1, level: ground, use: desk, area_m2: 2, capacity: 1}\n"
    folder = estate(tmp_path / "kind", privacy, kind="desk_sensor")
    assert Counter(problem.what for problem in check(folder)) == Counter(
        f"the device 's-{name}' watches a desk, which this council does not allow" for name in ROOMS
    )
    folder = estate(tmp_path / "use", privacy, desk)
    with (folder / "moor/devices.csv").open("a") as devices:
        devices.write("s-desk,other,Tolbooth room-sensor,60,office,desk-1,2020-01-01\n")
    (problem,) = check(folder)
    assert (Path(problem.file).name, problem.line) == ("devices.csv", 7)
    assert "privacy: {desk_sensors: true}" in problem.mend
    allowed = estate(tmp_path / "allowed", "{desk_sensors: true}", desk, kind="desk_sensor")
    assert check(allowed) == []


def test_a_space_without_a_capacity_is_a_mistake_where_size_decides(tmp_path: Path) -> None:
    unknown = "  - {id: nook, name: Nook, level: ground, use: office, area_m2: 9}\n"
    (problem,) = check(estate(tmp_path / "on", "{smallest_space: 5}", unknown))
    assert "the space 'nook' has no capacity" in problem.what
    assert check(estate(tmp_path / "off", "{}", unknown)) == []
    (problem,) = check(estate(tmp_path / "typo", "{smallest_spaces: 5}"))
    assert "smallest_space" in problem.mend
