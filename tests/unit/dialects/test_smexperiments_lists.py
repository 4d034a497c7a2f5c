"""Listings, memberships and deletions of the smexperiments dialect, on flowtrail's own record."""

from datetime import UTC, datetime, timedelta

import pytest

from plugin_core import ConflictError, InvalidValueError, NotFoundError
from plugin_core.dialects.smexperiments import Experiment, Tracker, Trial, TrialComponent
from plugin_core.dialects.smexperiments.api_types import ExperimentSummary, TrialComponentSummary, TrialSummary

pytestmark = pytest.mark.usefixtures("flowtrail_record")


def names(found, kind="trial_component"):
    return [getattr(each, f"{kind}_name") for each in found]


def a_trial_of_two(name="first", experiment="churn"):
    trial = Trial.create(experiment, name)
    for step in ("prepare", "fit"):
        trial.add_trial_component(TrialComponent.create(f"{name}-{step}"))
    return trial


def test_experiments_are_listed_newest_first():
    for name in ("b", "a", "c"):
        Experiment.create(name)
    listed = list(Experiment.list())

    assert names(listed, "experiment") == ["c", "a", "b"]
    assert isinstance(listed[0], ExperimentSummary)
    assert listed[0].experiment_arn.endswith(":experiment/c")


def test_a_listing_is_sorted_as_asked():
    for name in ("b", "a", "c"):
        Experiment.create(name)

    assert names(Experiment.list(sort_by="Name"), "experiment") == ["c", "b", "a"]
    assert names(Experiment.list(sort_by="Name", sort_order="Ascending"), "experiment") == ["a", "b", "c"]
    assert names(Experiment.list(sort_by="CreationTime", sort_order="Ascending"), "experiment") == ["b", "a", "c"]


def test_a_listing_is_filtered_by_time():
    Experiment.create("churn")
    made = Experiment.load("churn").creation_time
    before, after = made - timedelta(seconds=1), made + timedelta(seconds=1)

    assert names(Experiment.list(created_after=before, created_before=after), "experiment") == ["churn"]
    assert list(Experiment.list(created_after=after)) == []
    assert list(Experiment.list(created_before=before.astimezone(UTC).astimezone().replace(tzinfo=None))) == []


def test_a_listing_asks_for_nothing_before_it_is_taken():
    listed = Experiment.list(sort_by="Colour")
    Experiment.create("churn")

    with pytest.raises(InvalidValueError, match="Colour"):
        next(listed)


def test_a_listing_goes_through_all_pages():
    for i in range(5):
        TrialComponent.create(f"c{i}")

    assert names(TrialComponent.list(max_results=2, sort_order="Ascending")) == [f"c{i}" for i in range(5)]


def test_trials_are_listed_by_experiment_and_by_component():
    Experiment.create("churn").create_trial("first")
    second = Experiment.create("other").create_trial("second")
    component = TrialComponent.create("prepare")
    second.add_trial_component(component)
    listed = list(Experiment.load("churn").list_trials())

    assert names(listed, "trial") == ["first"]
    assert isinstance(listed[0], TrialSummary)
    assert names(Trial.list(), "trial") == ["second", "first"]
    assert names(Trial.list(trial_component_name="prepare"), "trial") == ["second"]
    assert names(component.list_trials(), "trial") == ["second"]


def test_listing_what_belongs_to_nothing_is_refused():
    with pytest.raises(NotFoundError):
        list(Trial.list(experiment_name="none"))
    with pytest.raises(NotFoundError):
        list(TrialComponent.list(trial_name="none"))


def test_a_trial_takes_components_in_every_form_and_lets_them_go():
    trial = Experiment.create("churn").create_trial("first")
    TrialComponent.create("by-name")
    component, tracker = TrialComponent.create("component"), Tracker.create("tracked")
    given = ["by-name", component, tracker]
    for each in given:
        trial.add_trial_component(each)
        trial.add_trial_component(each)
    listed = list(trial.list_trial_components(sort_order="Ascending"))

    assert isinstance(listed[0], TrialComponentSummary)
    assert names(listed) == ["by-name", "component", tracker.trial_component.trial_component_name]
    for each in [*given[1:], listed[0]]:
        trial.remove_trial_component(each)
    assert list(trial.list_trial_components()) == []
    assert names(TrialComponent.list(experiment_name="churn")) == []


def test_a_trial_may_be_created_with_its_components():
    Experiment.create("churn")
    component = TrialComponent.create("prepare")
    trial = Trial.create("churn", "first", trial_components=[component])

    assert names(trial.list_trial_components()) == ["prepare"]
    assert names(TrialComponent.list(experiment_name="churn")) == ["prepare"]


def test_what_does_not_exist_cannot_be_entered_in_a_trial():
    trial = Experiment.create("churn").create_trial("first")

    with pytest.raises(NotFoundError):
        trial.add_trial_component("none")


def test_what_is_in_use_is_not_deleted():
    experiment = Experiment.create("churn")
    trial = a_trial_of_two()

    for record in (experiment, trial, TrialComponent.load("first-fit")):
        with pytest.raises(ConflictError):
            record.delete()
    assert names(trial.list_trial_components(sort_order="Ascending")) == ["first-prepare", "first-fit"]


def test_what_is_in_no_use_is_deleted():
    experiment = Experiment.create("churn")
    trial = experiment.create_trial("first")
    TrialComponent.create("prepare").delete()
    trial.delete()
    experiment.delete()

    assert [*Experiment.list(), *Trial.list(), *TrialComponent.list()] == []


def test_a_component_is_deleted_out_of_its_trials_when_forced():
    Experiment.create("churn")
    trial = a_trial_of_two()
    TrialComponent.load("first-fit").delete(force_disassociate=True)

    assert names(trial.list_trial_components()) == ["first-prepare"]


def test_delete_all_leaves_nothing_of_an_experiment():
    experiment = Experiment.create("churn")
    first, second = a_trial_of_two("first"), a_trial_of_two("second")
    second.add_trial_component("first-fit")
    Experiment.create("other").create_trial("third").add_trial_component("first-prepare")
    experiment.delete_all("--force")

    assert names(Experiment.list(), "experiment") == ["other"]
    assert names(Trial.list(), "trial") == ["third"]
    assert list(TrialComponent.list()) == []
    with pytest.raises(NotFoundError):
        first.list_trial_components().__next__()


def test_delete_all_of_a_trial_leaves_the_others():
    Experiment.create("churn")
    first, second = a_trial_of_two("first"), a_trial_of_two("second")
    second.add_trial_component("first-fit")
    first.delete_all(action="--force")

    assert names(Trial.list(), "trial") == ["second"]
    assert names(TrialComponent.list(sort_order="Ascending")) == ["second-prepare", "second-fit"]


def test_delete_all_of_what_is_gone_says_so():
    experiment = Experiment.create("churn")
    experiment.delete_all("--force")

    with pytest.raises(NotFoundError):
        experiment.delete_all("--force")
    assert Experiment.MAX_DELETE_ALL_ATTEMPTS == Trial.MAX_DELETE_ALL_ATTEMPTS == 3


def test_a_name_is_free_again_after_its_deletion():
    Experiment.create("churn", description="first").delete_all("--force")
    Experiment.create("churn")

    assert Experiment.load("churn").description is None
    assert Experiment.load("churn").creation_time <= datetime.now(UTC)


def test_saving_removes_what_is_to_be_removed():
    component = TrialComponent.create("prepare")
    component.parameters = {"rate": 0.5, "depth": 3}
    component.save()
    component.parameters_to_remove = ["depth"]
    component.save()

    assert TrialComponent.load("prepare").parameters == component.parameters == {"rate": 0.5}
