"""JSON of views: keys, times, and what JSON cannot hold."""

import json
import math

import pytest
import sample_views as sample

from plugin_core.cli.views import jsonable, to_json


def test_the_keys_are_the_fields_and_times_are_utc():
    content = json.loads(to_json(sample.execution()))

    assert set(content) == {"run", "steps", "headline"}
    assert content["run"]["started_at"] == "2026-03-01T11:55:00Z"
    assert content["run"]["status"] == "completed"
    assert content["run"]["orchestrator"]["system"] == "prefect"
    assert content["headline"] == {"metric": "test_accuracy", "value": 0.97368, "aggregate": "max"}


@pytest.mark.parametrize(("value", "text"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
def test_numbers_that_json_lacks_are_strings(value, text):
    assert jsonable({"x": [value]}) == {"x": [text]}


def test_anything_that_was_recorded_can_be_printed():
    hostile = {"\ud800": "\udfff", "big": 10**5000, "deep": [[{"a": None}]], "flag": True}
    content = json.loads(to_json(hostile))

    assert content["\\ud800"] == "\\udfff"
    assert content["big"].startswith("0x")
    assert content["flag"] is True
