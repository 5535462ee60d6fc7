"""Textual changes of estate files: what is not meant stays byte for byte."""

import csv
import io

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devices.estate.write import append_item, insert_row, set_cell, set_key

COUNCIL = """\
# who we are
id: moor
name: Moor   # not Muir
sources:
  # the old bridge
  - {id: hall, format: zigbee2mqtt, topic: z2m/hall}   # in the loft
# the end
"""
BLOCK = """\
devices:
    - id: a
      kind: other
      model: 'Acme 1'   # on the wall
      interval: 60s
      assignments:
          - building: hall   # upstairs
            from: 2026-01-01

    # the next one is new
    - id: b
      kind: other
      model: Acme 1
      interval: 1m
      assignments:
          - building: hall
            from: 2026-01-01
# nothing below
"""


def test_a_source_is_added_below_the_last_and_comments_stay() -> None:
    new = append_item(COUNCIL, "sources", {"id": "lora", "format": "thethingsstack", "topic": "", "options": {}})
    assert new == COUNCIL.replace("# in the loft\n", "# in the loft\n  - {id: lora, format: thethingsstack}\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("id: moor\n", "id: moor\nsources:\n  - {id: x}\n"),
        ("id: moor", "id: moor\nsources:\n  - {id: x}\n"),
        ("sources: []  # none\nid: moor\n", "sources: \n  - {id: x}  # none\nid: moor\n"),
        ("sources: [{id: a}]  # one\n", "sources: [{id: a}, {id: x}]  # one\n"),
        ("sources:\n- id: a\n  topic: t\nid: moor\n", "sources:\n- id: a\n  topic: t\n- id: x\nid: moor\n"),
        ("sources:\r\n  - {id: a}\r\n", "sources:\r\n  - {id: a}\r\n  - {id: x}\r\n"),
    ],
)
def test_every_way_to_write_a_list(before: str, after: str) -> None:
    assert append_item(before, "sources", {"id": "x"}) == after


def test_a_device_is_written_in_the_style_of_its_neighbour() -> None:
    item = {"id": "c", "interval": 60, "assignments": [{"building": "hall", "from": "2026-02-01"}]}
    below_a = (
        "    - id: c\n      interval: 60\n      assignments:\n"
        "          - building: hall\n            from: 2026-02-01\n"
    )
    text = append_item(BLOCK, "devices", item, after=0)
    assert text == BLOCK.replace("            from: 2026-01-01\n\n", f"            from: 2026-01-01\n{below_a}\n")


def test_an_assignment_is_ended() -> None:
    text = set_key(BLOCK, ["devices", 0, "assignments", 0], "to", "2026-02-01T10:00:00Z")
    assert text == BLOCK.replace(
        "            from: 2026-01-01\n\n", "            from: 2026-01-01\n            to: 2026-02-01T10:00:00Z\n\n"
    )
    flow = "devices:\n  - {id: a, assignments: [{building: hall, from: 2026-01-01}]}  # a\n"
    ended = set_key(flow, ["devices", 0, "assignments", 0], "to", "2026-02-01")
    assert ended == flow.replace("from: 2026-01-01", "from: 2026-01-01, to: 2026-02-01")
    assert set_key(ended, ["devices", 0, "assignments", 0], "to", "2026-03-01") == ended.replace("02-01", "03-01")


def test_a_row_is_added_in_the_style_of_the_file() -> None:
    text = '\ufeffid,kind,model\r\na,other,"Acme, large"\r\n\r\n'
    assert insert_row(text, {"id": "b", "kind": "other", "model": "x"}) == (
        '\ufeffid,kind,model\r\na,other,"Acme, large"\r\nb,other,x\r\n\r\n'
    )
    assert insert_row('"id","kind"\n"a","other"', {"id": "b", "kind": "c"}) == '"id","kind"\n"a","other"\n"b","c"\n'


def test_a_column_that_is_missing_is_added_to_every_line() -> None:
    assert insert_row("id,kind\na,other\n", {"id": "b", "meter": "m", "space": ""}) == "id,kind,meter\na,other,\nb,,m\n"


def test_a_cell_is_set_and_other_rows_keep_their_own_quotes() -> None:
    text = 'id,model,to\n"a",Acme,\n"b",  Acme,\nc,"two\nlines",\n'
    assert set_cell(text, 3, "to", "2026-01-01") == text.replace('"b",  Acme,\n', "b,  Acme,2026-01-01\n")
    assert set_cell(text, 4, "to", "2026-01-01") == text.replace('lines",\n', 'lines",2026-01-01\n')


TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)


@given(
    values=st.lists(TEXTS, min_size=1, max_size=4),
    style=st.sampled_from([COUNCIL, BLOCK.replace("devices", "sources")]),
)
def test_any_text_is_read_back_from_yaml(values: list[str], style: str) -> None:
    item = {f"k{number}": value for number, value in enumerate(values)}
    read = yaml.load(append_item(style, "sources", item), Loader=yaml.BaseLoader)
    assert read["sources"][-1] == item
    assert read["sources"][:-1] == yaml.load(style, Loader=yaml.BaseLoader)["sources"]


@given(values=st.lists(TEXTS, min_size=3, max_size=3))
def test_any_text_is_read_back_from_csv(values: list[str]) -> None:
    text = insert_row("a,b,c\n1,2,3\n", dict(zip("abc", values, strict=True)))
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b", "c"], ["1", "2", "3"], values]
