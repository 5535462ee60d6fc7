"""Random and mutated messages over all formats: `make fuzz`, or `python -m tests.devices.fuzz --messages 100000`.

Nothing that comes from outside may raise, spoil a line, cost memory without end, or leave a source unable to read:
after all recorded messages were said once more, the fuzzed decoder reads of them what a new one reads.
"""

import argparse
import sys
import time
from base64 import b64encode
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from resource import getpagesize
from typing import Final

from devices.decode import Decoder, Outcome
from devices.formats import FORMATS
from devices.message import Message
from devices.model import Estate
from ingest.lineprotocol import Tags, lines
from tests.devices import recorded
from tests.devices.mutate import Mutator
from tests.devices.recorded import ANY_TIME, ARRIVAL, HOUR, Recorded

CHECK_EVERY: Final = 10_000
FIRST_PLAY: Final = 1_000_000_000
"""frame counters of the checks begin here, where no mutated message has any"""
WARM_UP: Final = 200_000
"""messages after which every bounded memory has had its chance to fill"""
MAX_GROWTH_MB: Final = 100.0
MILLISECOND: Final = 1_000_000
REPORT_EVERY: Final = 5.0
"""seconds"""


@dataclass(frozen=True, slots=True)
class Result:
    """What one process did."""

    messages: int
    stored: int
    seconds: float
    growth_mb: float
    """since the warm-up; 0 where the run was shorter"""


class Fuzz:
    """One decoder that is fed with garbage."""

    def __init__(self, seed: int, formats: tuple[str, ...] = FORMATS) -> None:
        self._known: list[Recorded] = [one for name in formats for one in recorded.recorded(name)]
        self._estate: Estate = recorded.estate(self._known)
        self._tags = Tags(self._estate)
        self._decoder = Decoder(self._estate, window=ANY_TIME)
        self._mutator = Mutator(self._known, seed)
        self._now, self._plays = ARRIVAL, FIRST_PLAY
        self.stored = 0

    def run(self, count: int) -> None:
        """Decode `count` messages, and then check that the decoder still reads.

        Raises:
            AssertionError: a message raised, or made what it must not; the text holds the message.
        """
        for _ in range(count):
            self._now += MILLISECOND
            message = self._mutator.message(self._now)
            try:
                self._take(message)
            except Exception as error:
                shown = b64encode(message.payload).decode()
                raise AssertionError(f"topic {message.topic!r} payload base64 {shown}: {error!r}") from error
        self._decoder.states()
        self._check()

    def _take(self, message: Message) -> None:
        outcome = self._decoder.decode(message)
        assert outcome.placed or outcome.rejects, "neither a value nor a reason"
        for reject in outcome.rejects:
            assert reject.detail.isprintable(), f"detail {reject.detail!r}"
        for line in lines(outcome.placed, self._tags):
            assert line.isprintable(), f"line {line!r}"
            assert line.count(" ") - line.count("\\ ") == 2, f"line {line!r}"
        self.stored += bool(outcome.placed)

    def _check(self) -> None:
        clean = Decoder(self._estate, window=ANY_TIME)
        for decoder in (self._decoder, clean):
            self._play(decoder, self._now + HOUR, self._plays + 1)
        found = self._play(self._decoder, self._now + 2 * HOUR, self._plays + 2)
        wanted = self._play(clean, self._now + 2 * HOUR, self._plays + 2)
        self._now, self._plays = self._now + 3 * HOUR, self._plays + 2
        for one, got, want in zip(self._known, found, wanted, strict=True):
            assert got.placed == want.placed, f"{one.format} {one.topic}: read {got.placed}, not {want.placed}"

    def _play(self, decoder: Decoder, now: int, count: int) -> list[Outcome]:
        return [decoder.decode(one.at(now + step, count)) for step, one in enumerate(self._known)]


def fuzz(count: int, seed: int, *, show: bool = False) -> Result:
    """Run `count` messages of one seed.

    Raises:
        AssertionError: something went wrong that must not.
    """
    made, done, start, warm, said = Fuzz(seed), 0, time.monotonic(), 0.0, time.monotonic()
    growth = 0.0
    while done < count:
        step = min(CHECK_EVERY, count - done)
        made.run(step)
        done += step
        if not warm and done >= WARM_UP:
            warm = resident_mb()
        growth = resident_mb() - warm if warm else 0.0
        assert growth < MAX_GROWTH_MB, f"{growth:.0f} MB more after {done} messages of seed {seed}"
        if show and time.monotonic() - said > REPORT_EVERY:
            said = time.monotonic()
            rate = done / (said - start)
            print(f"seed {seed}: {done:,} of {count:,}, {rate:,.0f}/s, {growth:+.1f} MB", file=sys.stderr, flush=True)
    return Result(done, made.stored, time.monotonic() - start, growth)


def resident_mb() -> float:
    """Memory of this process that is in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize() / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    shares = [options.messages // options.processes] * options.processes
    seeds = [options.seed + number for number in range(options.processes)]
    with ProcessPoolExecutor(options.processes) as pool:
        results = list(pool.map(_shown, shares, seeds, repeat(True)))
    for seed, one in zip(seeds, results, strict=True):
        print(
            f"seed {seed}: {one.messages:,} messages, {one.stored:,} with a value, none raised;"
            f" {one.seconds:.0f} s, {one.growth_mb:+.1f} MB since the first {WARM_UP:,}"
        )


def _shown(count: int, seed: int, show: bool) -> Result:
    return fuzz(count, seed, show=show)


if __name__ == "__main__":
    main()
