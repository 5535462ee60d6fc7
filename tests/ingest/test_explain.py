"""What `tolbooth explain` and `tolbooth tail` say of a message."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from devices import registry
from devices.bench import OpenBench, verdict_of
from devices.decode import Decoder, Window
from devices.message import Message
from devices.timestamps import SECOND
from ingest.explain import Explanation, explain, explain_openly, render
from ingest.lineprotocol import Tags
from ingest.tail import Wanted, formats, line
from tests.bench.estate import BUILDING, COUNCIL, write_estate

NOW = 1_795_507_200_000_000_000
"""2026-11-24T08:00:00Z"""
TOPIC = f"tolbooth/v1/{COUNCIL}/{BUILDING}/sim-00000/readings"


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    return write_estate(tmp_path, 1)


def explained(folder: Path, topic: str, payload: bytes, *, retained: bool = False) -> Explanation:
    loaded = registry.load(folder)
    return explain(Message(topic, payload, NOW, retained), Decoder(loaded), Tags(loaded))


def steps(explanation: Explanation) -> list[tuple[str, bool | None]]:
    return [(step.name, step.good) for step in explanation.steps]


def shown(explanation: Explanation) -> str:
    console = Console(width=200, file=StringIO())
    with console.capture() as capture:
        console.print(render(explanation))
    return capture.get()


def test_a_stored_message_is_followed_to_its_line(estate: Path) -> None:
    found = explained(estate, TOPIC, b'{"time": "2026-11-24T07:59:00Z", "temperature": 20.5}')
    assert steps(found) == [
        ("message", None),
        ("source", True),
        ("device", True),
        ("value", True),
        ("time", True),
        ("place", True),
    ]
    tags = (
        f"building={BUILDING},council={COUNCIL},device=sim-00000,level=ground,model=Tolbooth\\ room-sensor,space=room"
    )
    assert found.lines == [f"climate,{tags} temperature_c=20.5 1795507140000000000"]
    text = shown(found)
    assert "told by the device, 60 s before arrival" in text
    assert "building sim-hall, level ground, space room" in text
    assert text.rstrip().endswith("stored: 1 value")


def test_each_fault_is_a_step_that_went_wrong(estate: Path) -> None:
    unknown = explained(estate, TOPIC.replace("sim-00000", "sim-9"), b'{"temperature": 20}')
    assert ("device", False) in steps(unknown)
    assert "mend: add the device to the registry" in shown(unknown)
    nowhere = explained(estate, "nobody/knows", b"1")
    assert steps(nowhere) == [("message", None), ("source", None), ("source", False)]
    assert "unknown_topic" in shown(nowhere)
    hot = explained(estate, TOPIC, b'{"temperature": 200, "humidity": 40}')
    assert [good for name, good in steps(hot) if name == "value"] == [False, True]
    assert "not stored: out_of_range" in shown(hot)
    late = explained(estate, TOPIC, b'{"time": "2020-01-01T00:00:00Z", "temperature": 20}')
    assert ("time", False) in steps(late)
    early = explained(estate, TOPIC, b'{"temperature": 20}', retained=True)
    assert early.verdict.fate == "ignored"
    assert "retained: its age is unknown" in shown(early)


def test_a_message_too_large_is_not_decoded(estate: Path) -> None:
    found = explained(estate, TOPIC, b" " * 300_000)
    assert found.verdict.why is not None
    assert found.verdict.why.reason == "too_large"
    assert ("size", False) in steps(found)


def test_what_clears_a_retained_message_is_no_fault(estate: Path) -> None:
    for topic in (TOPIC, TOPIC.replace("sim-00000", "sim-9"), "nobody/knows"):
        found = explained(estate, topic, b"")
        assert (found.verdict.fate, [reject.reason for reject in found.verdict.rejects]) == (
            "ignored",
            ["empty_payload"],
        )


def test_limits_and_window_are_those_that_ingest_has(estate: Path) -> None:
    loaded = registry.load(estate)
    narrow = Decoder(loaded, window=Window(past=3_600 * SECOND), max_payload=1_024)
    wide = Decoder(loaded, window=Window(past=40 * 86_400 * SECOND), max_payload=1_000_000)
    long = b'{"time": "2026-11-24T07:59:00Z", "temperature": 20}' + b" " * 300_000
    old = b'{"time": "2026-10-20T08:00:00Z", "temperature": 20}'
    for payload, wrong in ((long, "size"), (old, "time")):
        message = Message(TOPIC, payload, NOW)
        assert (wrong, False) in steps(explain(message, narrow, Tags(loaded)))
        found = explain(message, wide, Tags(loaded))
        assert found.verdict.fate == "stored"
        assert not any(good is False for _, good in steps(found))


def test_a_source_that_does_not_claim_says_what_it_reads(estate: Path) -> None:
    council = estate / COUNCIL / "council.yaml"
    council.write_text(f"{council.read_text()}sources: [{{id: z, format: zigbee2mqtt, topic: z2m}}]\n")
    found = explained(estate, TOPIC, b'{"temperature": 20}')
    told = [step.text for step in found.steps if step.name == "source"]
    assert f"{COUNCIL}/z does not claim it: it reads z2m/#" in told


def test_among_many_sources_the_one_that_claims_is_found_and_few_others_are_told(estate: Path) -> None:
    council = estate / COUNCIL / "council.yaml"
    rows = "".join(f"  - {{id: z{n}, format: zigbee2mqtt, topic: z2m/{n}}}\n" for n in range(60))
    council.write_text(f"{council.read_text()}sources:\n{rows}")
    found = explained(estate, "z2m/59/trv", b'{"temperature": 20}')
    told = [step.text for step in found.steps if step.name == "source"]
    assert told[-1] == f"{COUNCIL}/z59 claims it: it reads z2m/59/#"
    assert told[-2] == "57 more do not claim it"
    assert len(told) == 5


def test_without_a_registry_the_source_is_guessed() -> None:
    message = Message("zigbee2mqtt/trv", b'{"humidity": 40, "temperature": 300}', NOW)
    found = explain_openly(message, OpenBench(), model="")
    text = shown(found)
    assert "zigbee2mqtt, guessed from the topic" in text
    assert "not stored: out_of_range" in text
    assert explain_openly(Message("a", b"1", NOW), OpenBench(), model="").verdict.fate == "quarantined"


def test_nothing_from_the_wire_reaches_the_terminal_raw(estate: Path) -> None:
    evil = "\x1b[31m\x07evil[bold]"
    council = estate / COUNCIL / "council.yaml"
    council.write_text(f"{council.read_text()}sources: [{{id: z, format: zigbee2mqtt, topic: z2m}}]\n")
    text = shown(explained(estate, f"tolbooth/v1/{COUNCIL}/{BUILDING}/{evil}/readings", evil.encode()))
    text += shown(explained(estate, f"z2m/{evil}", b'{"humidity": 40}'))
    openly = explain_openly(Message(f"zigbee2mqtt/{evil}", b'{"humidity": 40}', NOW), OpenBench(), model="")
    tailed = line(Message(evil, b"", NOW), openly.verdict).plain
    for shown_text in (text, shown(openly), tailed):
        assert "\x1b" not in shown_text
        assert "\x07" not in shown_text
        assert "evil[bold]" in shown_text


def test_tail_chooses_by_format_source_device_and_fate(estate: Path) -> None:
    loaded = registry.load(estate)
    known = formats(loaded)
    assert known == {f"{COUNCIL}/native": "native"}
    verdict = verdict_of(Decoder(loaded).decode(Message(TOPIC, b'{"temperature": 20}', NOW)))
    for wanted in (("native", "", ""), (f"{COUNCIL}/native", "", ""), ("", "00000", ""), ("", "", "stored")):
        assert Wanted(*wanted, known).takes(verdict)
    for unwanted in (("homie", "", ""), ("", "sim-9", ""), ("", "", "ignored")):
        assert not Wanted(*unwanted, known).takes(verdict)


def test_a_tailed_line_has_values_with_units_or_the_reason(estate: Path) -> None:
    decoder = Decoder(registry.load(estate))
    good, bad = (Message(TOPIC, body, NOW) for body in (b'{"temperature": 20.5, "on": true}', b"{"))
    assert "stored" in line(good, verdict_of(decoder.decode(good))).plain
    assert "temperature 20.5 °C  on 1" in line(good, verdict_of(decoder.decode(good))).plain
    assert "quarantined" in line(bad, verdict_of(decoder.decode(bad))).plain
    assert "malformed: not JSON" in line(bad, verdict_of(decoder.decode(bad))).plain
