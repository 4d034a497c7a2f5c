"""smexperiments, unmodified: what it reads back, and what the record holds of it."""

from pathlib import Path

import pytest
from kit.wire import client

from plugin_core.errors import NotFoundError
from plugin_core.model.components import Status

PROGRAM = Path(__file__).parent / "programs" / "smexperiments_tree.py"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def told(served):
    return served.run("smexperiments", PROGRAM)


def test_what_was_made_is_loaded_listed_and_found(told):
    assert told["description"] == "second words"
    assert told["trials"] == ["branch"]
    assert told["components"] == ["leaf"]
    assert "leaf" in told["found"]
    assert told["named"] == ["tree"]
    assert told["status"] == "Completed"


def test_an_experiment_with_trials_is_not_deleted(told, served):
    assert told["refused"] == "ConflictException"
    assert served.store.experiment("tree").description == "second words"


def test_the_record_holds_what_was_tracked(told, served):
    found = served.store.component(told["component"])

    assert (found.experiment, found.trial, found.status) == ("tree", "branch", Status.COMPLETED)
    assert served.store.parameters([found.id])[found.id] == {"depth": 3}
    out = served.store.artifact_values([found.id], is_output=True)[found.id]
    assert out["place"].value == "s3://flowtrail/leaf"
    key = out["file"].value.removeprefix("s3://flowtrail/")
    assert client("s3", served.url).get_object(Bucket="flowtrail", Key=key)["Body"].read() == b"green\n"


@pytest.mark.usefixtures("told")
def test_what_is_deleted_as_a_whole_is_gone(served):
    for look, name in (
        (served.store.experiment, "doomed"),
        (served.store.trial, "doomed-trial"),
        (served.store.component, "doomed-component"),
    ):
        with pytest.raises(NotFoundError):
            look(name)
