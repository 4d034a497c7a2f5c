"""Experiments, trials and trial components of the smexperiments dialect, on flowtrail's own record."""

import pickle
from datetime import UTC, datetime

import pytest

from plugin_core import ConflictError, InvalidValueError, NotFoundError
from plugin_core.dialects.smexperiments import Experiment, Trial, TrialComponent
from plugin_core.dialects.smexperiments.api_types import TrialComponentArtifact, TrialComponentStatus

pytestmark = pytest.mark.usefixtures("flowtrail_record")


def test_an_experiment_that_was_created_can_be_loaded():
    created = Experiment.create("churn", description="who leaves", tags=[{"Key": "team", "Value": "growth"}])
    loaded = Experiment.load("churn")

    assert (loaded.experiment_name, loaded.description) == ("churn", "who leaves")
    assert loaded.experiment_arn == created.experiment_arn
    assert created.experiment_arn.endswith(":experiment/churn")
    assert loaded.creation_time <= datetime.now(UTC)
    assert (loaded.created_by, loaded.last_modified_by) == ({}, {})


def test_creating_an_experiment_again_is_refused_in_the_words_that_callers_look_for():
    Experiment.create("churn")

    with pytest.raises(ConflictError, match=r"Experiment with name \(churn\) already exists") as refused:
        Experiment.create("churn")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert "already exists" in refused.value.response["Error"]["Message"]
    assert refused.value.operation_name == "CreateExperiment"


def test_names_are_the_same_without_regard_to_case():
    Experiment.create("Churn")

    with pytest.raises(ConflictError, match="already exists"):
        Experiment.create("churn")
    assert Experiment.load("CHURN").experiment_name == "Churn"


def test_what_is_missing_is_refused_with_the_code_that_callers_look_for():
    with pytest.raises(NotFoundError) as refused:
        Trial.load("none")

    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"


def test_a_refusal_is_botocores_client_error_where_botocore_is_loaded():
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as refused:
        Experiment.load("none")
    again = pickle.loads(pickle.dumps(refused.value))

    assert isinstance(refused.value, NotFoundError)
    assert (type(again), again.response, str(again)) == (
        type(refused.value),
        refused.value.response,
        str(refused.value),
    )


def test_an_experiment_needs_a_name():
    with pytest.raises(InvalidValueError, match="experiment_name"):
        Experiment.create()


def test_saving_an_experiment_writes_description_and_display_name():
    experiment = Experiment.create("churn")
    experiment.description, experiment.display_name = "who leaves", "Churn of 2026"

    assert experiment.save() is experiment
    loaded = Experiment.load("churn")
    assert (loaded.description, loaded.display_name) == ("who leaves", "Churn of 2026")


def test_saving_what_was_deleted_makes_nothing():
    experiment = Experiment.create("churn")
    Experiment.load("churn").delete()

    with pytest.raises(NotFoundError):
        experiment.save()


def test_a_trial_belongs_to_its_experiment():
    trial = Experiment.create("churn").create_trial("first")

    assert Trial.load("first").experiment_name == "churn"
    assert trial.trial_arn.endswith(":experiment-trial/first")


def test_a_trial_of_an_experiment_that_does_not_exist_is_refused():
    with pytest.raises(NotFoundError):
        Trial.create("none", "first")
    with pytest.raises(NotFoundError):
        Trial.load("first")


def test_a_trial_without_a_name_gets_one_of_its_prefix_the_time_and_four_letters():
    experiment = Experiment.create("churn")
    plain, named = experiment.create_trial(), experiment.create_trial(trial_name_prefix="nightly")

    assert Trial.create("churn").trial_name.startswith("Trial-2")
    for trial, prefix in ((plain, "SageMakerTrial-"), (named, "nightly-")):
        moment, letters = trial.trial_name.removeprefix(prefix).rsplit("-", 1)
        made = datetime.strptime(moment, "%Y-%m-%d-%H%M%S%f").replace(tzinfo=UTC)
        assert trial.trial_name.startswith(prefix)
        assert abs((datetime.now(UTC) - made).total_seconds()) < 600
        assert len(letters) == 4
        assert letters.isalpha()


def test_a_trial_component_keeps_what_was_saved():
    component = TrialComponent.create("prepare", display_name="Prepare")
    component.parameters = {"rate": 0.5, "mode": "fast", "shape": [1, 2]}
    component.input_artifacts = {"raw": TrialComponentArtifact("s3://data/raw.csv", media_type="text/csv")}
    component.status = TrialComponentStatus(primary_status="Completed", message="done")
    component.start_time = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    component.end_time = datetime(2026, 1, 2, 4, tzinfo=UTC)
    component.save()
    loaded = TrialComponent.load("prepare")

    assert loaded.display_name == "Prepare"
    assert loaded.parameters == {"rate": 0.5, "mode": "fast", "shape": "[1, 2]"}
    assert loaded.input_artifacts == component.input_artifacts
    assert loaded.status == TrialComponentStatus(primary_status="Completed", message="done")
    assert (loaded.start_time, loaded.end_time) == (component.start_time, component.end_time)


def test_saving_does_not_write_back_what_another_has_changed_meanwhile():
    mine = TrialComponent.create("prepare")
    mine.parameters = {"rate": 0.5, "depth": 3}
    mine.save()
    theirs = TrialComponent.load("prepare")
    theirs.parameters["rate"] = 0.9
    theirs.save()
    mine.parameters["depth"] = 4
    mine.save()

    assert TrialComponent.load("prepare").parameters == {"rate": 0.9, "depth": 4}


def test_a_status_that_the_api_does_not_have_is_refused():
    component = TrialComponent.create("prepare")
    component.status = TrialComponentStatus(primary_status="Dreaming")

    with pytest.raises(InvalidValueError, match="Dreaming"):
        component.save()


def test_records_show_their_members_and_compare_by_them():
    Experiment.create("churn")

    assert Experiment.load("churn") == Experiment.load("churn")
    assert "experiment_name='churn'" in repr(Experiment.load("churn"))


def test_delete_all_wants_to_be_confirmed():
    experiment = Experiment.create("churn")
    trial = experiment.create_trial("first")

    for record in (experiment, trial):
        with pytest.raises(ValueError, match="--force"):
            record.delete_all("force")
    assert Trial.load("first").trial_name == "first"
