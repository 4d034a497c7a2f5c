"""A Prefect that is not what we know is found out, with one warning."""

import logging
from contextlib import contextmanager
from types import ModuleType

import prefect.client.orchestration
import prefect.flow_engine
import prefect.task_engine
import pytest

from prefect_integration import _compat


class Engine:
    @contextmanager
    def initialize_run(self):
        yield

    @contextmanager
    def run_context(self):
        yield

    def set_state(self, state, force=False):
        return state


Engine.__module__ = "prefect.task_engine"
for method in (Engine.initialize_run, Engine.run_context, Engine.set_state):
    method.__module__ = "prefect.task_engine"


def like_prefect(**engines):
    module = ModuleType("prefect.task_engine")
    vars(module).update({"SyncTaskRunEngine": Engine, "AsyncTaskRunEngine": Engine, **engines})
    return module


def test_this_prefect_has_all_that_is_needed():
    assert _compat.missing(prefect.task_engine) == []
    assert _compat.missing(prefect.flow_engine) == []
    assert _compat.missing(like_prefect()) == []


def test_a_missing_class_or_method_is_named():
    class Other(Engine):
        run_context = None

    lacking = _compat.missing(like_prefect(SyncTaskRunEngine=None, AsyncTaskRunEngine=Other))
    assert "prefect.task_engine.SyncTaskRunEngine.set_state" in lacking
    assert "prefect.task_engine.AsyncTaskRunEngine.run_context" in lacking


def test_a_method_that_is_no_context_manager_any_more_is_named():
    class Other(Engine):
        def initialize_run(self):
            return None

    Other.initialize_run.__module__ = "prefect.task_engine"
    lacking = _compat.missing(like_prefect(SyncTaskRunEngine=Other))
    assert lacking == ["prefect.task_engine.SyncTaskRunEngine.initialize_run"]


def test_the_wrapper_of_another_library_is_no_reason_not_to_record():
    class Wrapped(Engine):
        def run_context(self):
            return None

    assert _compat.missing(like_prefect(SyncTaskRunEngine=Wrapped)) == []


def test_this_prefect_has_what_to_fall_back_on():
    assert _compat.can_fall_back(prefect.task_engine)
    assert _compat.can_fall_back(prefect.flow_engine)
    assert not _compat.can_fall_back(like_prefect())


@pytest.mark.parametrize(
    ("falls_back", "consequence"), [(True, "recorded by state hooks"), (False, "its runs are not recorded")]
)
def test_there_is_one_warning_that_says_what_follows(caplog, monkeypatch, falls_back, consequence):
    monkeypatch.setattr(_compat, "_warned", set())
    with caplog.at_level(logging.WARNING, "flowtrail"):
        _compat.warn_missing(["prefect.task_engine.X.y"], falls_back=falls_back)
        _compat.warn_missing(["prefect.flow_engine.X.y"], falls_back=falls_back)
    (record,) = caplog.records
    assert "lacks prefect.task_engine.X.y" in record.getMessage()
    assert consequence in record.getMessage()


def test_clients_are_wrapped_where_the_runs_that_they_create_take_labels():
    class Old:
        def create_flow_run_from_deployment(self, deployment_id, *, parent_task_run_id=None):
            return None

    module = ModuleType("prefect.client.orchestration")
    module.PrefectClient = module.SyncPrefectClient = Old
    assert _compat.owners_of_deployed_runs(module) == []
    assert len(_compat.owners_of_deployed_runs(prefect.client.orchestration)) == 2
