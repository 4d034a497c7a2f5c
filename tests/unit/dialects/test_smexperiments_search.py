"""Searches of the smexperiments dialect, on flowtrail's own record."""

import pytest

from plugin_core import InvalidValueError
from plugin_core.dialects.smexperiments import (
    BooleanOperator,
    Experiment,
    Filter,
    NestedFilter,
    Operator,
    SearchExpression,
    Tracker,
    TrainingJob,
    Trial,
    TrialComponent,
)

pytestmark = pytest.mark.usefixtures("flowtrail_record")


@pytest.fixture
def fits():
    """Three trackers in two experiments, by how deep they go."""
    names = {}
    trials = {name: Experiment.create(name).create_trial() for name in ("churn", "other")}
    for depth, experiment in ((2, "churn"), (4, "churn"), (6, "other")):
        with Tracker.create(f"fit{depth}") as tracker:
            tracker.log_parameters({"depth": depth, "mode": "fast" if depth < 5 else "exact"})
            tracker.log_metric("test:loss", 1 / depth)
            tracker.log_input("train", "s3://data/train.csv", media_type="text/csv")
        trials[experiment].add_trial_component(tracker)
        names[tracker.trial_component.trial_component_name] = depth
    return names


def found(fits, *filters, **options):
    expression = SearchExpression(filters=list(filters))
    return [fits[each.trial_component_name] for each in TrialComponent.search(expression, **options)]


def test_components_are_found_by_their_parameters(fits):
    deep = Filter("Parameters.depth", Operator.GREATER_THAN, "3")

    assert sorted(found(fits, deep)) == [4, 6]
    assert found(fits, deep, Filter("Parameters.mode", Operator.EQUALS, "fast")) == [4]


def test_components_are_sorted_by_a_metric_whatever_its_case(fits):
    everything = Filter("Parameters.depth", Operator.EXISTS)

    assert found(fits, everything, sort_by="metrics.test:loss.max", sort_order="Ascending") == [6, 4, 2]
    assert found(fits, everything, sort_by="Metrics.test:loss.Max") == [2, 4, 6]


def test_components_are_found_by_the_experiment_that_they_are_in(fits):
    assert sorted(found(fits, Filter("Parents.ExperimentName", Operator.EQUALS, "churn"))) == [2, 4]


def test_a_filter_without_operator_and_value_asks_whether_there_is_such_a_property(fits):
    assert sorted(found(fits, Filter("Parameters.depth"))) == [2, 4, 6]
    assert found(fits, Filter("Parameters.none")) == []


def test_expressions_are_joined_and_nested(fits):
    shallow = SearchExpression(filters=[Filter("Parameters.depth", Operator.LESS_THAN, "3")])
    of_other = SearchExpression(
        nested_filters=[NestedFilter("Parents", [Filter("Parents.ExperimentName", Operator.EQUALS, "other")])]
    )
    either = SearchExpression(sub_expressions=[shallow, of_other], boolean_operator=BooleanOperator.OR)
    both = SearchExpression(sub_expressions=[shallow, of_other])

    assert sorted(fits[each.trial_component_name] for each in TrialComponent.search(either)) == [2, 6]
    assert list(TrialComponent.search(both)) == []


def test_a_search_goes_through_all_pages(fits):
    assert sorted(found(fits, Filter("Parameters.depth"), max_results=1)) == [2, 4, 6]
    assert len(list(TrialComponent.search(max_results=2))) == 3


def test_what_is_found_has_all_members_in_the_shapes_of_the_api(fits):
    (result,) = TrialComponent.search(SearchExpression(filters=[Filter("Parameters.depth", Operator.EQUALS, "6")]))
    (trial,) = Experiment.load("other").list_trials()

    assert result.parameters == {"depth": {"NumberValue": 6}, "mode": {"StringValue": "exact"}}
    assert result.input_artifacts == {"train": {"Value": "s3://data/train.csv", "MediaType": "text/csv"}}
    assert result.output_artifacts == {}
    assert [(metric["MetricName"], metric["Last"]) for metric in result.metrics] == [("test:loss", 1 / 6)]
    assert result.parents == [{"TrialName": trial.trial_name, "ExperimentName": "other"}]
    assert result.status == {"PrimaryStatus": "Completed"}
    assert {"Key": "sagemaker:trial-component-source", "Value": "run"} in result.tags


def test_experiments_and_trials_are_found_by_name_and_tag(fits):
    Experiment.create("tagged", tags=[{"Key": "team", "Value": "growth"}])
    by_tag = SearchExpression(filters=[Filter("Tags.team", Operator.EQUALS, "growth")])
    by_name = SearchExpression(filters=[Filter("ExperimentName", Operator.CONTAINS, "chu")])
    (tagged,) = Experiment.search(by_tag)
    (trial,) = Trial.search(SearchExpression(filters=[Filter("ExperimentName", Operator.EQUALS, "churn")]))

    assert (tagged.experiment_name, tagged.tags) == ("tagged", [{"Key": "team", "Value": "growth"}])
    assert [each.experiment_name for each in Experiment.search(by_name)] == ["churn"]
    assert {fits[each["TrialComponentName"]] for each in trial.trial_component_summaries} == {2, 4}


def test_a_search_asks_for_nothing_before_it_is_taken():
    search = Experiment.search(sort_order="Sideways")

    with pytest.raises(InvalidValueError, match="Sideways"):
        next(search)


def test_there_are_no_training_jobs():
    assert list(TrainingJob.search()) == []


def test_an_expression_needs_a_condition():
    with pytest.raises(ValueError, match="no condition"):
        SearchExpression()


def test_expressions_are_what_search_takes():
    expression = SearchExpression(
        filters=[Filter("Tags.team", Operator.EQUALS, "growth"), Filter("DisplayName")],
        boolean_operator=BooleanOperator.OR,
    )

    assert expression.to_boto() == {
        "Filters": [{"Name": "Tags.team", "Operator": "Equals", "Value": "growth"}, {"Name": "DisplayName"}],
        "Operator": "Or",
    }
