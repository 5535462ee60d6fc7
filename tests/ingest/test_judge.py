"""What each answer of each generation means for the lines that were sent (T8).

The answers are those that InfluxDB 1.6.7 gave, and what the sources and documents of 1.12, 2.9 and 3 say they give.
"""

import orjson
import pytest

from ingest.influx import Faulty, Halt, Stored, TooLarge, Verdict, Wait, judge

LINES = 4
UNPARSED_1X = "partial write: unable to parse 'climate x=': missing field value dropped=0"
CONFLICT = 'field type conflict: input field "x" on measurement "climate" is type float, already exists as type integer'
THREE = '{"error":"%s","data":{"original_line":"climate x=","line_number":2,"error_message":"no value"}}'


def error(text: str) -> str:
    return orjson.dumps({"error": text}).decode()


def message(text: str) -> str:
    return orjson.dumps({"code": "invalid", "message": text}).decode()


def detail(verdict: Verdict) -> str:
    return "" if isinstance(verdict, Stored) else verdict.detail


@pytest.mark.parametrize(
    ("status", "text", "wanted"),
    [
        # 1.x keeps the good lines and names the others
        (400, error(UNPARSED_1X), Faulty("", frozenset({b"climate x="}), rest_stored=True)),
        (
            400,
            error("partial write: unable to parse 'a b': x\nunable to parse 'it's, c': y dropped=0"),
            Faulty("", frozenset({b"a b", b"it's, c"}), rest_stored=True),
        ),
        # 1.x reports only what it could not write, if there is any: what it could not parse is not named
        (400, error(f"partial write: {CONFLICT} dropped=1"), Faulty("")),
        (400, error(f"partial write: {CONFLICT} dropped=4"), Faulty("", all_refused=True)),
        (400, error("partial write: points beyond retention policy dropped=2"), Faulty("")),
        (400, error("partial write: max-values-per-tag limit exceeded (100000/100000) dropped=1"), Faulty("")),
        # 2.x keeps none of a batch with an unreadable line, and all others of one with a conflict
        (400, message("unable to parse 'climate x=': missing field value"), Faulty("", frozenset({b"climate x="}))),
        (422, message(f"failure writing points to database: partial write: {CONFLICT} dropped=1"), Faulty("")),
        # 3 names a line by its number or its beginning only
        (400, THREE % "line protocol parsing error", Faulty("")),
        (400, '{"error":"partial write of line protocol occurred","data":[]}', Faulty("")),
        (400, "invalid line protocol", Faulty("")),
        (413, error("Request Entity Too Large"), TooLarge("")),
        (413, "<html>413</html>", TooLarge("")),
        (401, error("authorization failed"), Halt("")),
        (401, "", Halt("")),
        (403, error('"ingest" user is not authorized to write to database "telemetry"'), Halt("")),
        (404, error('database not found: "telemetry"'), Halt("", missing_database=True)),
        (404, message("no dbrp mapping found"), Halt("", missing_database=True)),
        (500, error("retention policy not found: x"), Halt("")),
        (500, error("partial write: x"), Halt("")),
        (500, error("timeout"), Wait("")),
        (500, error("cache-max-memory-size exceeded: (1/1)"), Wait("")),
        (500, "", Wait("")),
        (502, "<html>502 Bad Gateway</html>", Wait("")),
        (503, error("request throttled"), Wait("")),
        (504, "", Wait("")),
        (408, "", Wait("")),
        (429, "", Wait("")),
        (499, "", Wait("")),
        # not InfluxDB: it says nothing about the lines
        (200, "<html>Please log in</html>", Halt("")),
        (302, "", Halt("")),
        (400, "<html>The plain HTTP request was sent to HTTPS port</html>", Halt("")),
        (405, "", Halt("")),
        (418, "", Halt("")),
    ],
)
def test_every_answer(status: int, text: str, wanted: Verdict) -> None:
    found = judge(status, {}, text, LINES)
    assert detail(found).startswith("" if isinstance(wanted, Stored) else f"{status}: ")
    assert type(found) is type(wanted)
    for name in ("named", "rest_stored", "all_refused", "missing_database", "seconds"):
        assert getattr(found, name, None) == getattr(wanted, name, None)


def test_stored_is_204_and_nothing_else() -> None:
    assert [status for status in range(100, 600) if isinstance(judge(status, {}, "", LINES), Stored)] == [204]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("86400", 3_600.0),
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_retry_after(status: int, header: str, seconds: float | None) -> None:
    assert judge(status, {"Retry-After": header}, "", LINES) == Wait(f"{status}: ", seconds)


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        (401, "set influx.username and influx.password, or influx.token"),
        (403, "give influx.username (or influx.token) the right to write"),
        (404, "create the database, or set influx.database"),
        (405, "is influx.url an InfluxDB?"),
    ],
)
def test_what_only_a_person_can_mend_says_how(status: int, mend: str) -> None:
    assert mend in detail(judge(status, {}, "", LINES))
