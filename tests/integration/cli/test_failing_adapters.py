"""Adapters are other people's packages: one that fails costs its own word, and not the command."""

import socket
import sys

import pytest

from plugin_core.model.changes import PutComponent, SetStatus
from plugin_core.model.components import OrchestratorRef, Owner, Status
from plugin_core.stores import open_store

OWNER = Owner(journal="gone", host=socket.gethostname(), pid=1, boot_id="an earlier boot", started="1")
SILENT = """
from contextlib import nullcontext

def judge():
    return nullcontext(ask)

def ask(system, execution_id, step_id):
    raise ConnectionError("nobody answers")
"""
SPEAKING = """
import sys
from contextlib import contextmanager
from plugin_core.model.components import Status

@contextmanager
def judge():
    print("opened", file=sys.stderr)
    yield lambda system, execution_id, step_id: (Status.CANCELLED, f"{system} says so of {step_id}")
    print("closed", file=sys.stderr)
"""
LOCKED = """
def judge():
    raise PermissionError("not for you")
"""


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    """Installs a package with an entry point for the orchestrator `mine`."""

    def install(code: str) -> None:
        site = tmp_path / "site"
        (site / "adapter_of_mine-1.0.dist-info").mkdir(parents=True)
        (site / "adapter_of_mine-1.0.dist-info" / "METADATA").write_text("Name: adapter-of-mine\nVersion: 1.0\n")
        (site / "adapter_of_mine-1.0.dist-info" / "entry_points.txt").write_text(
            "[flowtrail.reconcile]\nmine = adapter_of_mine:judge\n"
        )
        (site / "adapter_of_mine.py").write_text(code)
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, "adapter_of_mine", raising=False)

    return install


@pytest.fixture
def dead(folder):
    """Two steps of `mine` whose process is gone."""
    store = open_store(f"sqlite:///{folder / 'record.db'}")
    for name in ("exp-a", "exp-b"):
        origin = OrchestratorRef(system="mine", execution_id="e", step_id=name)
        store.write(
            [
                PutComponent(at=1, name=name, experiment="exp", orchestrator=origin, owner=OWNER),
                SetStatus(at=2, component=name, status=Status.RUNNING, started_at=2, owner=OWNER),
            ]
        )
    store.close()


def test_the_orchestrators_word_is_what_runs_are_settled_by(dead, adapter, flowtrail):
    adapter(SPEAKING)
    answer = flowtrail("reconcile")

    assert answer.status == 0
    assert [line.split()[1:3] for line in answer.out.splitlines()[1:]] == [
        ["cancelled", "exp-a"],
        ["cancelled", "exp-b"],
    ]
    assert "mine says so of exp-a" in answer.out
    assert answer.err == "opened\nclosed\n"  # once for both
    assert flowtrail("reconcile").err == "Nothing to settle: every run has ended or is alive.\n"


@pytest.mark.parametrize(
    ("code", "said"), [(SILENT, "ConnectionError: nobody answers"), (LOCKED, "PermissionError: not for you")]
)
def test_an_orchestrator_that_does_not_answer_is_asked_once_and_the_rest_is_settled(
    dead, adapter, flowtrail, code, said
):
    adapter(code)
    answer = flowtrail("reconcile", "--json")

    assert {change["status"] for change in answer.json} == {"failed"}
    assert answer.err.count(f"mine cannot be asked ({said})") == 1


def test_an_adapter_that_cannot_be_imported_is_left_out_with_a_word(dead, adapter, flowtrail):
    adapter("import a_library_that_is_not_there")
    answer = flowtrail("reconcile", "--json")

    assert {change["status"] for change in answer.json} == {"failed"}
    assert "mine cannot be used (ModuleNotFoundError" in answer.err


def test_who_is_not_asked_says_nothing(dead, adapter, flowtrail):
    adapter(SILENT)

    assert flowtrail("reconcile", "--no-ask", "--dry-run", "--json").err == ""
