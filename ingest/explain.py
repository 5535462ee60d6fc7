"""Every step that a message takes, in words: for a person who wonders why a value is stored, or is not. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from devices.bench import ANY_AGE, OpenBench, Verdict, verdict_of
from devices.decode import Decoder, Outcome, Placed, Window, moment, too_large
from devices.localdays import day_of
from devices.message import MEND, REFUSED, Decoded, Message, Reason, Reject, Sample, TimeSource
from devices.schema import Kind
from devices.text import printable
from devices.timestamps import FOREVER, SECOND, to_rfc3339
from ingest import lineprotocol
from ingest.lineprotocol import Tags

MOST: Final = 50
"""Values, sources and lines shown at most of each."""
FEW: Final = 3
"""Sources shown that do not claim a message which another does."""
_MARKS: Final = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `good` is None where it decides nothing."""

    name: str
    text: str
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    steps: list[Step]
    verdict: Verdict
    lines: list[str]
    """line protocol of what is stored"""


def explain(message: Message, decoder: Decoder, tags: Tags) -> Explanation:
    """The way of a message through a registry."""
    steps = [_arrival(message), *_sources(message.topic, decoder)]
    name = next((name for name, source in decoder.sources.items() if source.claims(message.topic)), None)
    if name is None:
        return Explanation(steps, verdict_of(decoder.decode(message)), [])
    source = decoder.sources[name]
    if len(message.payload) > decoder.max_payload and not source.describes(message.topic):
        reject = too_large(message, decoder.max_payload)
        return Explanation([*steps, Step("size", reject.detail, good=False)], Verdict(name, "", [], [reject]), [])
    decoded = source.decode(message)
    seen = replace(decoded, rejects=list(decoded.rejects))
    outcome = decoder.judge(name, decoded, message)
    steps += _devices(name, seen, decoder)
    steps += _values(seen)
    steps += _times(seen, message.received, decoder.window)
    steps += _places(outcome)
    lines = lineprotocol.lines(outcome.placed, tags)
    return Explanation(steps, verdict_of(outcome), lines)


def explain_openly(message: Message, bench: OpenBench, *, model: str) -> Explanation:
    """The way of a message without a registry: the source is guessed, and places are not known."""
    verdict = bench.read(message, model=model, dated=False)
    steps = [_arrival(message)]
    if not verdict.source:
        return Explanation([*steps, Step("source", "no format writes such a topic", good=False)], verdict, [])
    steps.append(Step("source", f"{verdict.source}, guessed from the topic: no registry is named", good=True))
    steps.append(Step("address", printable(verdict.device) or "the message is about no single device"))
    readings = [value.reading for value in verdict.values]
    decoded = Decoded(verdict.device, [Sample(readings)] if readings else [], verdict.rejects)
    steps += _values(decoded)
    told = sorted({(value.time, value.time_source) for value in verdict.values})
    for time, time_source in told[:MOST]:
        arrived = time_source is TimeSource.ARRIVAL
        sample = Sample([], None if arrived else time, time_source)
        steps += _times(Decoded("", [sample]), message.received, ANY_AGE)
    return Explanation([*steps, Step("place", "not known without a registry: name one with --registry")], verdict, [])


def _arrival(message: Message) -> Step:
    kept = ", retained: its age is unknown" if message.retained else ""
    return Step("message", printable(f"{message.topic}, {len(message.payload)} bytes{kept}"))


def _sources(topic: str, decoder: Decoder) -> Iterator[Step]:
    claiming = [name for name, source in decoder.sources.items() if source.claims(topic)]
    others = [name for name in decoder.sources if name not in claiming]
    told = others[: FEW if claiming else MOST]
    for name in told:
        yield Step("source", f"{name} does not claim it: it reads {_reads(name, decoder)}")
    if len(others) > len(told):
        yield Step("source", f"{len(others) - len(told)} more do not claim it")
    for name in claiming[:1]:
        yield Step("source", f"{name} claims it: it reads {_reads(name, decoder)}", good=True)
    for name in claiming[1:MOST]:
        yield Step("source", f"{name} claims it too, but comes later")
    if not claiming:
        yield Step("source", "no source of the registry claims it", good=False)


def _reads(name: str, decoder: Decoder) -> str:
    return printable(", ".join(decoder.sources[name].filters[:3]))


def _devices(name: str, decoded: Decoded, decoder: Decoder) -> Iterator[Step]:
    addresses = {sample.address for sample in decoded.samples if sample.address} or {decoded.address} - {""}
    if not addresses:
        yield Step("device", "the message is about no single device")
    for address in sorted(addresses)[:MOST]:
        device = decoder.device(name, address)
        shown = printable(address)
        if device is None:
            yield Step("device", f"address {shown} is not in the registry, source {name}", good=False)
        else:
            yield Step("device", f"address {shown} is {device.id}, {device.kind}, model {device.model}", good=True)


def _values(decoded: Decoded) -> Iterator[Step]:
    readings = [reading for sample in decoded.samples for reading in sample.readings]
    for field, value, channel in readings[:MOST]:
        name = printable(f"{field.name} {channel}".rstrip())
        wanted = "0 or 1" if field.kind is Kind.STATE else f"{field.low:g} to {field.high:g}"
        good = field.low <= value <= field.high
        verdict = "is plausible" if good else "is not plausible"
        yield Step("value", f"{name} = {value:g} {field.unit} {verdict} ({wanted})", good=good)
    for reject in decoded.rejects[:MOST]:
        rightly = reject.reason in REFUSED
        yield Step("no value", f"{reject.reason}: {printable(reject.detail)}", good=None if rightly else False)
    if not readings and not decoded.rejects:
        yield Step("no value", "nothing in it is a reading")


def _times(decoded: Decoded, received: int, window: Window) -> Iterator[Step]:
    for sample in decoded.samples[:MOST]:
        rejects: list[Reject] = []
        told = moment(sample, received, window, rejects)
        if told is None:
            yield Step("time", rejects[0].detail, good=False)
        elif told[1] is TimeSource.ARRIVAL:
            yield Step("time", f"{to_rfc3339(told[0])}, the arrival: the message tells no time", good=True)
        else:
            before = (received - told[0]) / SECOND
            yield Step(
                "time", f"{to_rfc3339(told[0])}, told by the {told[1]}, {before:.0f} s before arrival", good=True
            )


def _places(outcome: Outcome) -> Iterator[Step]:
    for placed in outcome.placed[:MOST]:
        yield Step("place", _place(placed), good=True)
    for reject in outcome.rejects[:MOST]:
        if reject.reason is Reason.NOT_ASSIGNED:
            yield Step("place", printable(reject.detail), good=False)


def _place(placed: Placed) -> str:
    assignment = placed.assignment
    parts = (
        f"building {assignment.building}",
        f"level {assignment.level}" if assignment.level else "",
        f"space {assignment.space}" if assignment.space else "",
        f"meter {assignment.meter}" if assignment.meter else "",
        f"since {_day(assignment.start)}",
        f"until {_day(assignment.end)}" if assignment.end != FOREVER else "",
    )
    return f"{placed.device.id} is in " + ", ".join(part for part in parts if part)


def _day(time_ns: int) -> str:
    """The local date, as the registry has it."""
    return day_of(time_ns).isoformat()


def render(explanation: Explanation) -> RenderableType:
    """The explanation for a terminal."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column()
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for step in explanation.steps:
        grid.add_row(Text(*_MARKS[step.good]), step.name, Text(step.text))
    lines = [Text(printable(line, 2_000), no_wrap=True, overflow="ignore") for line in explanation.lines[:MOST]]
    if lines:
        grid.add_row(Text("✓", "green"), "lines", Text("what InfluxDB gets:"))
    return Group(grid, *lines, Text(), _conclusion(explanation.verdict))


def _conclusion(verdict: Verdict) -> Text:
    why = verdict.why
    if why is None:
        faults = "".join(f"\n  not stored: {reject.reason}: {printable(reject.detail)}" for reject in verdict.rejects)
        values = f"{len(verdict.values)} value{'s' if len(verdict.values) > 1 else ''}"
        return Text(f"stored: {values}{faults}", "green")
    mend = f"\n  mend: {MEND[why.reason]}" if why.reason in MEND else ""
    style = "yellow" if verdict.fate == "ignored" else "bold red"
    return Text(f"{verdict.fate}: {why.reason}: {printable(why.detail)}{mend}", style)
