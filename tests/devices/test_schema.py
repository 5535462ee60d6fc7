"""The schema is one consistent table, and its page is fresh."""

import copy
import pickle
from collections import Counter

from devices.schema import BY_NAME, FIELDS, Kind
from devices.schemapage import PAGE, page


def test_names_and_keys_are_unique() -> None:
    assert len(BY_NAME) == len(FIELDS)
    keys = Counter((field.measurement, field.key) for field in FIELDS)
    assert max(keys.values()) == 1


def test_a_copy_of_a_field_is_the_field() -> None:
    for field in FIELDS:
        assert pickle.loads(pickle.dumps(field)) is field
        assert copy.deepcopy(field) is field


def test_a_state_is_0_or_1_and_a_range_is_a_range() -> None:
    for field in FIELDS:
        assert field.low < field.high, field.name
        if field.kind is Kind.STATE:
            assert (field.low, field.high) == (0, 1), field.name


def test_a_measurement_stands_together() -> None:
    order = [field.measurement for field in FIELDS]
    assert order == sorted(order, key=order.index)


def test_no_key_is_a_word_of_influxql() -> None:
    # `on` and `time` need quotes in every query, and `time` is not a field at all
    assert not {field.key for field in FIELDS} & {"on", "time", "all", "group", "in", "key", "name", "offset", "values"}


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m devices.schemapage"
