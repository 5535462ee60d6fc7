"""How much of the corpus is read as it should be: `make corpus`, or `python -m tests.devices.corpus_table`.

Each folder is one run of what `tolbooth devices decode` does, in file order and with state kept. A retained value is
read like any other, though the fate beside it says that it is not stored.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from devices.bench import Bench, OpenBench, RegistryBench
from devices.decode import Decoder
from devices.formats import make_source
from devices.lines import decode
from devices.message import Message
from devices.model import Assignment, Building, Council, Device, DeviceKind, Estate
from devices.timestamps import FOREVER
from tests.devices.vocabulary import CORPUS, Expected, expectations, payload_bytes, rows, sources

ARRIVAL = 1_795_507_200_000_000_000
SAID = ("topic", "payload", "payload_encoding", "model", "retained")
LEAST = 0.99
MOST_SHOWN = 20


class Missing(NamedTuple):
    topic: str
    model: str
    names: tuple[str, ...]
    value: float
    answer: str


class Score(NamedTuple):
    folder: str
    rows: int
    expected: int
    missing: tuple[Missing, ...]
    stored_rejects: tuple[str, ...]
    """values stored that must not be, and rows of which nothing may be stored"""
    crashes: tuple[str, ...]

    @property
    def share(self) -> float:
        return 1 - len(self.missing) / self.expected if self.expected else 1.0


def score(folder: str) -> Score:
    """One run over a folder of the corpus."""
    bench, count, expected = _bench(folder), 0, 0
    missing: list[Missing] = []
    stored: list[str] = []
    crashes: list[str] = []
    for count, row in enumerate(rows(folder), 1):
        line = json.dumps({key: row[key] for key in SAID if row.get(key) is not None}).encode()
        try:
            answer = decode(line, bench, ARRIVAL + count)
        except Exception as error:
            crashes.append(f"{row['topic']}: {error!r}")
            continue
        wanted = wanted_of(row)
        expected += len(wanted)
        missing += [_missing(row, want, answer) for want in unmet(wanted, answer)]
        stored += [f"{row['topic']}: {bad}" for bad in forbidden(row) if unmet([bad], answer) == []]
        if row.get("expect") == [] and answer["readings"]:
            stored.append(f"{row['topic']}: {answer['readings']}")
    return Score(folder, count, expected, tuple(missing), tuple(stored), tuple(crashes))


def _bench(folder: str) -> Bench:
    """Without a registry; where the messages tell no format, with the sources that the folder lists."""
    listed = sources(folder)
    if not listed:
        return OpenBench()
    found: dict[str, list[Device]] = {}
    place = Assignment(0, FOREVER, "hall")
    for config in listed:
        source = make_source(config)
        for row in rows(folder):
            if source.claims(row["topic"]):
                address = source.decode(Message(row["topic"], payload_bytes(row), ARRIVAL)).address
                one = Device(address, "fife", DeviceKind.OTHER, "", config.id, address, 60, (place,))
                found.setdefault(address, []).append(one)
    devices = {address: alike[0] for address, alike in found.items()}
    hall = Building("hall", "fife", "Hall", "hall", 1, 900.0, "", (), {"ground": "Ground"}, {}, {})
    council = Council("fife", "Fife", "", "tiree", {"hall": hall}, {one.id: one for one in listed}, devices)
    return RegistryBench(Decoder(Estate({"fife": council})))


def wanted_of(row: dict[str, Any]) -> list[Expected]:
    """A snapshot in a message of Tasmota's discovery is a description, so its values are not wanted."""
    return [] if row["topic"].startswith("tasmota/discovery/") else expectations(row.get("expect") or ())


def forbidden(row: dict[str, Any]) -> list[Expected]:
    return expectations(row.get("expect_reject") or ())


def unmet(expected: list[Expected], answer: dict[str, Any]) -> list[Expected]:
    """Those that no reading meets; each reading meets one."""
    pool = [(reading["field"], reading["value"]) for reading in answer["readings"]]
    left = []
    for want in expected:
        hit = next((have for have in pool if want.met_by(*have)), None)
        if hit:
            pool.remove(hit)
        else:
            left.append(want)
    return left


def _missing(row: dict[str, Any], want: Expected, answer: dict[str, Any]) -> Missing:
    found = [f"{reading['field']}={reading['value']}" for reading in answer["readings"]]
    faults = [f"{reject['reason']}: {reject['detail']}" for reject in answer["rejects"]]
    return Missing(row["topic"], row.get("model", ""), *want, "; ".join(found + faults)[:300])


def scores() -> Iterator[Score]:
    for folder in sorted(path.name for path in CORPUS.iterdir() if path.is_dir()):
        yield score(folder)


def main() -> None:
    console = Console()
    table = Table("format", "rows", "expected", "right", "share", "rejects stored", "crashes")
    for column in table.columns:
        column.justify, column.no_wrap = "left" if column.header == "format" else "right", True
    told = list(scores())
    for one in told:
        right = one.expected - len(one.missing)
        share = f"{one.share:.2%}" if one.expected else "–"
        figures = (one.rows, one.expected, right, share, len(one.stored_rejects), len(one.crashes))
        table.add_row(one.folder, *map(str, figures))
    console.print(table)
    for one in told:
        for line in (*map(str, one.missing), *one.stored_rejects, *one.crashes)[:MOST_SHOWN]:
            console.print(f"{one.folder}: {line}", markup=False, highlight=False, soft_wrap=True)
    sys.exit(any(one.share < LEAST or one.stored_rejects or one.crashes for one in told))


if __name__ == "__main__":
    main()
