"""Values that are made by the thousand behave as frozen dataclasses do."""

from __future__ import annotations

import copy
import pickle
from dataclasses import fields

import pytest

from plugin_core.capture.events import ExecutionKey, StepKey
from plugin_core.model.changes import PutComponent, SetStatus
from plugin_core.model.components import OrchestratorRef, Status

RUNNING = SetStatus(at=1, component="c", status=Status.RUNNING)
KEY = StepKey(execution=ExecutionKey(system="s", experiment="e", execution_id="x"), step="t", step_id="y")


def test_equal_fields_make_equal_values() -> None:
    assert SetStatus(at=1, component="c", status=Status.RUNNING) == RUNNING
    assert SetStatus(at=2, component="c", status=Status.RUNNING) != RUNNING
    assert {RUNNING: 1}[SetStatus(at=1, component="c", status=Status.RUNNING)] == 1


def test_a_value_keeps_the_hash_that_it_says_it_has() -> None:
    assert hash(KEY) == hash("y")


@pytest.mark.parametrize("value", [RUNNING, KEY, OrchestratorRef(system="s", url="u")])
def test_values_travel_to_other_processes(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value


def test_fields_are_given_by_name_and_no_others_can_be_set() -> None:
    with pytest.raises(TypeError):
        SetStatus(1, "c", Status.RUNNING)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        RUNNING.colour = "red"  # type: ignore[attr-defined]
    assert "parameters" in {field.name for field in fields(PutComponent)}
