"""Checks of requests, as they are compiled from shapes."""

from datetime import UTC, datetime

import pytest

from plugin_core.wire.faults import WireError
from plugin_core.wire.services import SAGEMAKER, ServiceModel, load_model
from plugin_core.wire.validation import compile_input, java_pattern, moment

SHAPES = {
    "Input": {
        "type": "structure",
        "required": ["Name"],
        "members": {
            "Name": {"shape": "EntityName"},
            "Count": {"shape": "Count"},
            "Size": {"shape": "Size"},
            "Values": {"shape": "Values"},
            "Map": {"shape": "Map"},
            "At": {"shape": "At"},
            "Flag": {"shape": "Flag"},
            "Again": {"shape": "Input"},
        },
    },
    "EntityName": {"type": "string", "min": 1, "max": 5, "pattern": "[a-z](-*[a-z]){0,119}"},
    "Text": {"type": "string", "max": 3, "pattern": "[a-z]*"},
    "Count": {"type": "integer", "min": 1, "max": 10},
    "Size": {"type": "double"},
    "Values": {"type": "list", "max": 2, "member": {"shape": "Text"}},
    "Map": {"type": "map", "max": 2, "key": {"shape": "Text"}, "value": {"shape": "Size"}},
    "At": {"type": "timestamp"},
    "Flag": {"type": "boolean"},
}
MODEL = ServiceModel({"Ask": {"input": {"shape": "Input"}}}, SHAPES)


def check(value, *, limits=True):
    return compile_input(MODEL, "Ask", limits=limits)({"Name": "a", **value})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Name": "A"}, "Value 'A' at 'name' failed to satisfy constraint: Member must satisfy regular expression"),
        ({"Name": "abcdef"}, "at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"),
        ({"Name": ""}, "Member must have length greater than or equal to 1"),
        ({"Name": None}, "Value 'null' at 'name' failed to satisfy constraint: Member must not be null"),
        ({"Name": "a\n"}, "regular expression"),
        ({"Count": 0}, "'count' failed to satisfy constraint: Member must have value greater than or equal to 1"),
        ({"Count": 11}, "less than or equal to 10"),
        ({"Count": 1.5}, "must be an integer"),
        ({"Count": True}, "must be an integer"),
        ({"Size": "1"}, "must be a number"),
        ({"Size": 10**400}, "that a double can hold"),
        ({"Values": ["a", "B"]}, "'values.2.member'"),
        ({"Values": ["a", "b", "c"]}, "less than or equal to 2"),
        ({"Values": "abc"}, "must be a list"),
        ({"Map": {"k": "v"}}, "'map.k.member'"),
        ({"Map": {"LONG": 1}}, "'map.key'"),
        ({"Map": []}, "must be a map"),
        ({"At": "yesterday"}, "must be a timestamp"),
        ({"At": float("nan")}, "must be a timestamp"),
        ({"At": 1e18}, "must be a timestamp"),
        ({"Flag": 1}, "must be true or false"),
        ({"Again": {}}, "'again.name'"),
        ({"Again": 3}, "must be a structure"),
        ({"Other": 1}, "Value 'Other' at 'request' failed to satisfy constraint: Member must be one of Input"),
    ],
)
def test_what_breaks_a_rule_is_refused_in_aws_s_words(value, words):
    with pytest.raises(WireError) as error:
        check(value)

    assert error.value.code == "ValidationException"
    assert error.value.message.startswith("1 validation error detected: Value ")
    assert words in error.value.message


def test_what_fits_is_given_on_with_times_as_times_and_without_nulls():
    given = {"Count": 3.0, "Size": True, "Values": ["a"], "Map": {"k": 1, "n": None}, "At": 1.5, "Flag": None}

    assert check(given) == {
        "Name": "a",
        "Count": 3,
        "Size": 1.0,
        "Values": ["a"],
        "Map": {"k": 1},
        "At": datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC),
    }


def test_lifted_limits_leave_names_their_form():
    assert check({"Values": ["MUCH LONGER"] * 9}, limits=False)["Values"] == ["MUCH LONGER"] * 9
    for name in ("A", "abcdef"):
        with pytest.raises(WireError):
            check({"Name": name}, limits=False)


def test_hundreds_of_problems_make_a_message_that_can_be_read():
    with pytest.raises(WireError) as error:
        check({f"other{i}": 1 for i in range(500)})

    assert error.value.message.startswith("500 validation errors detected")
    assert len(error.value.message) < 10_000


def test_microseconds_survive_the_way_through_a_number():
    exact = datetime(2026, 3, 1, 12, 0, 0, 678_901, tzinfo=UTC)

    assert moment(exact.timestamp()) == moment("2026-03-01T12:00:00.678901Z") == exact


@pytest.mark.parametrize("text", ["ключ", "a b", "x_y.z:/=+-@", "é1", "", "\u2003"])
def test_tags_may_be_in_any_script(text):
    pattern = load_model(SAGEMAKER).shapes["TagKey"]["pattern"]

    assert java_pattern(pattern).fullmatch(text)
    assert not java_pattern(pattern).fullmatch(text + "#")
