"""What a message of each format costs between session and journal: `make bench-formats`, or with `--json`.

`ingest.receive.digest` decodes, validates and writes line protocol for recorded messages of known devices, all of them
new. Each round measures every format once, so that all share the machine's ups and downs; the least of the rounds
counts. Native messages of four values are the measure (1.0); a format should stay within `BAR` times their cost. Of
that `parse` is the floor that no decoder comes below: orjson reads the payload, and nobody looks at it.
"""

import argparse
import gc
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import orjson

from devices.decode import Decoder
from devices.formats import FORMATS
from ingest.fleet import Fleet
from ingest.lineprotocol import Tags
from ingest.receive import digest
from ingest.session import Delivery
from tests.devices import recorded
from tests.devices.recorded import ANY_TIME, ARRIVAL, HOUR, Recorded

BAR: Final = 3.0
"""times the cost of a native message"""
BATCH: Final = 64
"""messages of one digest, at least; those of one play stay together, so that a device is heard about once in it"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a message of one format, on average; a ratio is to a native message of four values."""

    format: str
    messages: int
    bytes: float
    values: float
    us_per_message: float
    us_per_value: float
    us_per_kilobyte: float
    ratio_per_message: float
    ratio_per_value: float
    ratio_per_kilobyte: float
    parse: float
    """what orjson alone needs for the payload, where it is JSON; a ratio to a native message"""


@dataclass(slots=True)
class _Track:
    """The batches of one format, and the best time of all of them together, s."""

    messages: list[Recorded]
    plays: int
    best: float = float("inf")
    parse: float = float("inf")
    """the best time to parse them as JSON and do nothing else, s; 0 where they are none"""
    count: int = 0
    values: int = 0
    size: int = 0


def measure(count: int, rounds: int) -> list[Cost]:
    """The costs of all formats, native first; `count` messages of each, in each of `rounds` rounds."""
    messages = recorded.every()
    estate = recorded.estate(messages)
    decoder, tags, fleet = Decoder(estate, window=ANY_TIME), Tags(estate), Fleet(estate)
    keep = recorded.stored(decoder, messages)
    decoder.states()
    tracks = {name: _track([one for one in keep if one.format == name], count) for name in FORMATS}
    for number in range(1, rounds + 1):
        for track in tracks.values():
            _play(track, decoder, tags, fleet, ARRIVAL + number * 1_000 * HOUR * 24, number * 1_000_000)
    return _costs(tracks)


def _track(messages: list[Recorded], count: int) -> _Track:
    return _Track(messages, max(1, round(count / len(messages))))


def _play(track: _Track, decoder: Decoder, tags: Tags, fleet: Fleet, start: int, number: int) -> None:
    batches: list[list[Delivery]] = [[]]
    for play in range(track.plays):
        if len(batches[-1]) >= BATCH:
            batches.append([])
        now = start + play * HOUR
        batches[-1] += [Delivery(one.at(now, number + play), 0, False) for one in track.messages]
    packets: dict[int, int] = {}
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    entries = [digest(batch, decoder, tags, packets, fleet.note) for batch in batches]
    track.best = min(track.best, time.perf_counter() - started)
    track.parse = min(track.parse, _parse([delivery.message.payload for batch in batches for delivery in batch]))
    gc.enable()
    track.count = sum(map(len, batches))
    assert sum(len(entry.sizes) for entry in entries) == track.count, "a message was not stored"
    track.values = sum(entry.tally["values", ""] for entry in entries)
    track.size = sum(len(delivery.message.payload) for batch in batches for delivery in batch)


def _parse(payloads: list[bytes]) -> float:
    if any(payload[:1] not in (b"{", b"[") for payload in payloads):
        return 0.0
    started = time.perf_counter()
    for payload in payloads:
        orjson.loads(payload)
    return time.perf_counter() - started


def _costs(tracks: dict[str, _Track]) -> list[Cost]:
    native = _figures(tracks["native"])
    order = ["native", *(name for name in tracks if name != "native")]
    return [_cost(name, tracks[name], native) for name in order]


def _figures(track: _Track) -> tuple[float, float, float]:
    whole = track.best * 1e6
    return whole / track.count, whole / track.values, whole / track.size * 1_000


def _cost(name: str, track: _Track, native: Sequence[float]) -> Cost:
    figures = _figures(track)
    by_message, by_value, by_kilobyte = (round(mine / theirs, 2) for mine, theirs in zip(figures, native, strict=True))
    of_one = round(track.size / track.count, 1), round(track.values / track.count, 2)
    message, value, kilobyte = (round(figure, 2) for figure in figures)
    parse = round(track.parse * 1e6 / track.count / native[0], 2)
    return Cost(name, track.count, *of_one, message, value, kilobyte, by_message, by_value, by_kilobyte, parse)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--messages", type=int, default=2_000, help="of each format, in each round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    costs = measure(options.messages, options.rounds)
    if options.json:
        formats = {cost.format: asdict(cost) for cost in costs}
        print(json.dumps({"bar": BAR, "formats": formats}))
        return
    print(f"{'':15} {'bytes':>6} {'values':>6}   {'µs per':>8} {'µs per':>7} {'µs per':>7}   ratio to native, per")
    print(f"{'':15} {'':>6} {'':>6}   {'message':>8} {'value':>7} {'kB':>7}   message  value    kB   parse")
    for cost in costs:
        over = "" if cost.ratio_per_message <= BAR else f"  more than {BAR:g} × native"
        print(
            f"{cost.format:15} {cost.bytes:6.0f} {cost.values:6.2f}   {cost.us_per_message:8.2f}"
            f" {cost.us_per_value:7.2f} {cost.us_per_kilobyte:7.1f}   {cost.ratio_per_message:7.2f}"
            f" {cost.ratio_per_value:6.2f} {cost.ratio_per_kilobyte:5.2f} {cost.parse:7.2f}{over}"
        )


if __name__ == "__main__":
    main()
