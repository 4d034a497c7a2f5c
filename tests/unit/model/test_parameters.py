import json
import math

from hypothesis import given
from hypothesis import strategies as st

from plugin_core.model.parameters import from_text, number_of, to_text

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_a_value_comes_back_as_it_was_with_its_types(value):
    back = from_text(to_text(value))

    assert back == value
    assert type(back) is type(value)


def test_nan_comes_back_as_nan():
    assert math.isnan(from_text(to_text(math.nan)))
    assert math.isnan(from_text(to_text({"a": [math.nan]}))["a"][0])


def test_an_integer_past_pythons_print_limit_comes_back():
    assert from_text(to_text(10**5000)) == 10**5000
    assert from_text(to_text(-(10**5000))) == -(10**5000)


def test_the_text_is_plain_json_for_what_json_can_hold():
    assert json.loads(to_text({"a": [1, 0.5, "x", None, True]})) == {"a": [1, 0.5, "x", None, True]}


def test_a_mapping_that_looks_like_our_own_tag_comes_back_as_a_mapping():
    for value in ({"$float": "a"}, {"$float": "1.5"}, {"$int": 3}, {"$$float": "nan"}, {"$": 1, "a": {"$int": "0x1"}}):
        assert from_text(to_text(value)) == value


def test_numbers_to_sort_by_are_finite():
    assert number_of(3) == 3.0
    assert number_of(0.5) == 0.5
    assert [number_of(v) for v in (True, "3", None, math.nan, math.inf, 10**5000)] == [None] * 6
