"""Searches: every operator and form of property, expressions in expressions, any order, pages, and hostile values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugin_core.errors import InvalidValueError
from plugin_core.model.changes import Change, SetTags
from plugin_core.model.components import ArtifactValue, OrchestratorRef, Status
from plugin_core.model.edits import AddToTrial, Edit, UpdateComponent
from plugin_core.model.names import job_slug
from plugin_core.model.provenance import Provenance
from plugin_core.model.queries import (
    BooleanOperator,
    ComponentSearch,
    ExperimentSearch,
    Filter,
    NestedFilters,
    Operator,
    Search,
    SearchExpression,
    TrialSearch,
)
from plugin_core.stores.protocol import TrackingStore
from plugin_core.testing.contract.making import (
    component,
    experiment,
    of_component,
    parameters,
    points,
    status,
    trial,
)

JOB = "arn:aws:sagemaker:r:1:training-job/Train"
EPOCH = "1970-01-01T00:00:00"


def record() -> list[Change | Edit]:
    """Four components, in two experiments and three trials; all but the last logged something."""
    return [
        experiment("Iris", at=1, description="petals, 50%", tags={"team": "blue", "cost_centre": "7"}),
        experiment("digits", at=2, display_name="Digits!"),
        trial("iris-1", of="iris", at=3, display_name="First", provenance=Provenance(commit_id="abc")),
        trial("iris-2", of="iris", at=4, tags={"team": "red"}), trial("digits-1", of="digits", at=5),
        component("a", of="iris", trial="iris-1", at=10, display_name="Alpha_1", source_arn=JOB, tags={"team": "blue"}),
        component("b", of="iris", trial="iris-2", at=20, tags={"team": "red, or blue"}),
        component("c", of="digits", trial="digits-1", at=30, tags={"team": "red"}),
        component("d", of="digits", at=40, provenance=Provenance(commit_id="abc", created_by="key-1")),
        parameters("a", {"rate": 0.1, "epochs": 9, "model": "cnn", "flag": True}, at=11),
        parameters("b", {"rate": 0.5, "epochs": 10, "model": "rnn", "layers": [1, 2]}, at=21),
        parameters("c", {"rate": 2, "epochs": "10", "model": "100% CNN"}, at=31),
        points("a", [3.0, 1.0, 2.0], metric="test:accuracy"), points("b", [5.0], metric="test:accuracy"),
        points("c", [4.0, 8.0], metric="Loss.val"), points("c", [0.5], metric="test:accuracy"),
        status("a", Status.COMPLETED, at=12, started_at=11), status("b", Status.FAILED, at=22, message="no room"),
        status("c", Status.RUNNING, at=32, started_at=31),
        AddToTrial(at=1, component="a", trial="digits-1"),
        UpdateComponent(at=13, name="a", outputs={"best.pt": ArtifactValue(value="s3://m", media_type="a/b")}),
        UpdateComponent(at=22, name="b", inputs={"data": ArtifactValue(value="s3://d")}),
    ]  # fmt: skip


def expression(*parts: Filter | NestedFilters | SearchExpression, either: bool = False) -> SearchExpression:
    return SearchExpression(
        filters=tuple(part for part in parts if isinstance(part, Filter)),
        nested=tuple(part for part in parts if isinstance(part, NestedFilters)),
        sub_expressions=tuple(part for part in parts if isinstance(part, SearchExpression)),
        operator=BooleanOperator.OR if either else BooleanOperator.AND,
    )


def where(property: str, operator: str = "Equals", value: str | None = None) -> Filter:
    return Filter(property=property, operator=Operator(operator), value=value)


def found(store: TrackingStore, *parts: Filter | NestedFilters | SearchExpression, either: bool = False) -> str:
    """Names of the components that are found, one after the other."""
    search = ComponentSearch(expression=expression(*parts, either=either), sort_by="CreationTime", descending=False)
    page = store.search(search)
    assert page.total == len(page.items)
    return "".join(item.name for item in page.items)


FILTERS: list[tuple[Filter, str]] = [
    (where("TrialComponentName", value="A"), "a"),
    (where("TrialComponentName", "NotEquals", "a"), "bcd"),
    (where("TrialComponentName", value="a, c,absent"), "ac"),
    (where("TrialComponentName", "In", "b,c"), "bc"),
    (where("TrialComponentName", "GreaterThan", "B"), "cd"),
    (where("TrialComponentName", "Exists"), "abcd"),
    (where("TrialComponentArn", value="arn:aws:sagemaker:x:2:experiment-trial-component/b"), "b"),
    (where("DisplayName", "Contains", "alpha_"), "a"),
    (where("DisplayName", "Contains", "alph_"), ""),
    (where("DisplayName", value="b"), "b"),
    (where("Status.PrimaryStatus", value="Completed"), "a"),
    (where("Status.PrimaryStatus", value="Failed,InProgress"), "bcd"),
    (where("Status.PrimaryStatus", "NotEquals", "InProgress"), "ab"),
    (where("Status.Message", "Contains", "ROOM"), "b"),
    (where("Status.Message", "NotExists"), "acd"),
    (where("CreationTime", "GreaterThan", f"{EPOCH}.000020Z"), "cd"),
    (where("CreationTime", "GreaterThanOrEqualTo", f"{EPOCH}.000020+00:00"), "bcd"),
    (where("CreationTime", "LessThan", "0.000020"), "a"),
    (where("CreationTime", value=f"{EPOCH}.000020"), "b"),
    (where("LastModifiedTime", "LessThanOrEqualTo", f"{EPOCH}.000013Z"), "a"),
    (where("StartTime", "Exists"), "ac"),
    (where("EndTime", "LessThan", "2026-01-01"), "ab"),
    (where("Source.SourceArn", value=JOB.upper()), "a"),
    (where("Source.SourceArn", "NotEquals", JOB), "bcd"),
    (where("Source.SourceType", value="SageMakerTrainingJob"), "a"),
    (where("Parents.TrialName", value="IRIS-1"), "a"),
    (where("Parents.TrialName", value="digits-1"), "ac"),
    (where("Parents.TrialName", "Contains", "iris"), "ab"),
    (where("Parents.TrialName", "NotEquals", "digits-1"), "bd"),
    (where("Parents.TrialName", "NotExists"), "d"),
    (where("Parents.ExperimentName", value="iris"), "ab"),
    (where("Parents.ExperimentName", value="Digits"), "acd"),
    (where("Parents.ExperimentName", "NotEquals", "digits"), "b"),
    (where("Tags.team", value="red"), "c"),
    (where("Tags.team", value="red,blue"), "ac"),
    (where("Tags.team", value="red, or blue"), "bc"),
    (where("Tags.team", "NotEquals", "red"), "abd"),
    (where("Tags.team", "Contains", "BLUE"), "ab"),
    (where("Tags.team", "Exists"), "abc"),
    (where("Tags.team", "NotExists"), "d"),
    (where("tags.Team", "Exists"), ""),
    (where("Parameters.rate", value="0.1"), "a"),
    (where("Parameters.rate", value="0.10,2.0"), "ac"),
    (where("Parameters.rate", "GreaterThan", "0.1"), "bc"),
    (where("Parameters.rate", "LessThanOrEqualTo", "0.5"), "ab"),
    (where("Parameters.rate", "NotEquals", "0.5"), "acd"),
    (where("Parameters.epochs", value="10"), "bc"),
    (where("Parameters.epochs", "GreaterThan", "9"), "b"),
    (where("Parameters.model", value="cnn"), "a"),
    (where("Parameters.model", "Contains", "cnn"), "ac"),
    (where("Parameters.model", "Contains", "0% c"), "c"),
    (where("Parameters.model", "GreaterThanOrEqualTo", "cnn"), "ab"),
    (where("Parameters.flag", value="True"), "a"),
    (where("Parameters.layers", value="[1,2]"), "b"),
    (where("Parameters.layers", "NotExists"), "acd"),
    (where("Metrics.test:accuracy.Max", "GreaterThan", "2.5"), "ab"),
    (where("metrics.TEST:accuracy.min", "LessThan", "1.5"), "ac"),
    (where("Metrics.test:accuracy.Last", value="2"), "a"),
    (where("Metrics.test:accuracy.Count", value="1"), "bc"),
    (where("Metrics.test:accuracy.Avg", value="2,5"), "ab"),
    (where("Metrics.test:accuracy.StdDev", "GreaterThan", "0"), "a"),
    (where("Metrics.Loss.val.Max", value="8"), "c"),
    (where("Metrics.Loss.val", value="8"), "c"),
    (where("Metrics.Loss.val", "NotExists"), "abd"),
    (where("OutputArtifacts.best.pt", value="s3://m"), "a"),
    (where("OutputArtifacts.best.pt.MediaType", value="a/b"), "a"),
    (where("InputArtifacts.data.Value", "Contains", "s3"), "b"),
    (where("OutputArtifacts.data", "Exists"), ""),
    (where("MetadataProperties.CommitId", value="abc"), "d"),
    (where("CreatedBy.UserProfileName", "Exists"), "d"),
]


@pytest.fixture
def filled(store: TrackingStore) -> TrackingStore:
    store.write(record())
    return store


@pytest.mark.parametrize("some", [FILTERS[i::6] for i in range(6)], ids=str)
def test_a_filter_finds_what_it_says(filled: TrackingStore, some: list[tuple[Filter, str]]) -> None:
    assert [(one, found(filled, one)) for one, _ in some] == some


def test_a_search_without_filters_finds_everything(filled: TrackingStore) -> None:
    assert found(filled) == found(filled, SearchExpression()) == "abcd"


def test_expressions_are_joined_and_nested(filled: TrackingStore) -> None:
    a, b = where("TrialComponentName", value="a"), where("TrialComponentName", value="b")
    fast, tagged = where("Parameters.rate", "GreaterThan", "0.2"), where("Tags.team", "Exists")

    assert found(filled, fast, tagged) == "bc"
    assert found(filled, a, b) == ""
    assert found(filled, a, b, either=True) == "ab"
    assert found(filled, tagged, expression(a, fast, either=True)) == "abc"
    assert found(filled, tagged, expression(a, expression(fast, b), either=True)) == "ab"
    assert found(filled, expression(a), expression(b), either=True) == "ab"


def test_nested_filters_hold_for_one_item(filled: TrackingStore) -> None:
    trial_1, of_iris = where("Parents.TrialName", value="digits-1"), where("Parents.ExperimentName", value="iris")

    assert found(filled, trial_1, of_iris) == "a"
    assert found(filled, NestedFilters(property="Parents", filters=(trial_1, of_iris))) == ""
    digits = where("ExperimentName", value="digits")
    assert found(filled, NestedFilters(property="Parents", filters=(trial_1, digits))) == "ac"
    high = (where("Metrics.MetricName", "Contains", "loss"), where("Metrics.Max", "GreaterThan", "7"))
    assert found(filled, NestedFilters(property="Metrics", filters=high)) == "c"
    team = (where("Tags.Key", value="team"), where("Tags.Value", "NotEquals", "red"))
    assert found(filled, NestedFilters(property="Tags", filters=team)) == "ab"


EXPERIMENTS: list[tuple[Filter, list[str]]] = [
    (where("ExperimentName", value="IRIS"), ["Iris"]),
    (where("ExperimentName", "Contains", "I"), ["Iris", "digits"]),
    (where("DisplayName", value="Digits!"), ["digits"]),
    (where("Description", "Contains", "50%"), ["Iris"]),
    (where("Description", "Contains", "5_%"), []),
    (where("Description", "NotEquals", "petals, 50%"), ["digits"]),
    (where("Tags.cost_centre", "Exists"), ["Iris"]),
    (where("CreationTime", "LessThan", f"{EPOCH}.000002Z"), ["Iris"]),
    (where("ExperimentArn", value="arn:aws:sagemaker:r:1:experiment/iris"), ["Iris"]),
]
TRIALS: list[tuple[Filter, list[str]]] = [
    (where("TrialName", "Contains", "-1"), ["iris-1", "digits-1"]),
    (where("ExperimentName", value="Iris"), ["iris-1", "iris-2"]),
    (where("DisplayName", value="First"), ["iris-1"]),
    (where("Tags.team", value="red"), ["iris-2"]),
    (where("MetadataProperties.CommitId", value="abc"), ["iris-1"]),
    (where("TrialName", "NotEquals", "iris-1"), ["iris-2", "digits-1"]),
]


def test_a_step_comes_of_the_job_that_it_is_shown_as(store: TrackingStore) -> None:
    long = "step-" * 20 + "x"
    ref = OrchestratorRef(system="prefect", execution_id="e", step_id="s")
    store.write([component("a", orchestrator=ref), component(long, orchestrator=ref), component("b", source_arn=JOB)])
    store.write([component("c")])

    def of(name: str) -> str:
        return found(store, where("Source.SourceArn", value=f"arn:aws:sagemaker:r:1:training-job/{name}"))

    assert (of("A"), of(job_slug(long)), of("train"), of("c"), of("b")) == ("a", long, "b", "", "")
    assert found(store, where("Source.SourceType", value="SageMakerTrainingJob")) == f"a{long}b"
    assert found(store, where("Source.SourceArn", "NotExists")) == "c"
    assert found(store, where("Source.SourceArn", "NotEquals", JOB)) == f"a{long}c"
    assert found(store, where("Source.SourceArn", "Contains", "train")) == "b"


def test_experiments_and_trials_are_found_with_their_tags(filled: TrackingStore) -> None:
    def names(search: Search[object], one: Filter) -> list[str]:
        page = filled.search(replace(search, expression=expression(one), sort_by="CreationTime", descending=False))
        return [item.name for item in page.items]  # type: ignore[attr-defined]

    assert [(one, names(ExperimentSearch(), one)) for one, _ in EXPERIMENTS] == EXPERIMENTS
    assert [(one, names(TrialSearch(), one)) for one, _ in TRIALS] == TRIALS
    (iris,) = filled.search(ExperimentSearch(expression=expression(EXPERIMENTS[0][0]))).items
    assert iris.tags == {"team": "blue", "cost_centre": "7"}


ORDERS: list[tuple[str, bool, str]] = [
    ("LastModifiedTime", True, "dcba"),
    ("CreationTime", False, "abcd"),
    ("TrialComponentName", True, "dcba"),
    ("Parameters.rate", False, "abcd"),
    ("Parameters.rate", True, "cbad"),
    ("Parameters.epochs", True, "bacd"),
    ("Parameters.model", False, "cabd"),
    ("metrics.test:accuracy.max", True, "bacd"),
    ("Metrics.test:accuracy.Min", False, "cabd"),
    ("Metrics.absent.Max", True, "dcba"),
    ("Tags.team", False, "acbd"),
    ("Status.Message", True, "bdca"),
    ("Parents.ExperimentName", False, "cdab"),
]


@pytest.mark.parametrize(("sort_by", "descending", "expected"), ORDERS)
def test_any_property_sorts_and_pages_join(
    filled: TrackingStore, sort_by: str, descending: bool, expected: str
) -> None:
    whole = ComponentSearch(sort_by=sort_by, descending=descending)
    assert "".join(item.name for item in filled.search(whole).items) == expected

    for size in (1, 2, 3):
        page = filled.search(replace(whole, limit=size))
        paged = [item.name for item in page.items]
        while page.next is not None:
            page = filled.search(replace(whole, limit=size, after=page.next))
            assert page.total == 4
            paged += [item.name for item in page.items]
        assert "".join(paged) == expected


@pytest.mark.parametrize(
    "search",
    [
        ComponentSearch(sort_by="Nothing"),
        ComponentSearch(sort_by="Tags."),
        ComponentSearch(expression=expression(where("ExperimentName", value="x"))),
        ExperimentSearch(expression=expression(where("Parameters.rate", value="x"))),
        ComponentSearch(expression=expression(where("Metrics.x.Max", value="large"))),
        ComponentSearch(expression=expression(where("Metrics.x.Max", "Contains", "1"))),
        ComponentSearch(expression=expression(where("CreationTime", "LessThan", "yesterday"))),
        ComponentSearch(expression=expression(where("CreationTime", "LessThan", "1e300"))),
        ComponentSearch(expression=expression(where("DisplayName", "Equals", None))),
        ComponentSearch(expression=expression(NestedFilters(property="Channels", filters=()))),
        ComponentSearch(expression=expression(NestedFilters(property="Tags", filters=(where("Tags.X", value="1"),)))),
        ComponentSearch(expression=expression(*[where("DisplayName", value="x")] * 501)),
        ComponentSearch(after=(1, 2)),
    ],
)
def test_what_cannot_be_asked_is_refused(filled: TrackingStore, search: Search[object]) -> None:
    with pytest.raises(InvalidValueError):
        filled.search(search)


def test_a_search_that_is_too_deep_is_refused(store: TrackingStore) -> None:
    deep = SearchExpression()
    for _ in range(1_000):
        deep = expression(deep)

    with pytest.raises(InvalidValueError):
        store.search(ComponentSearch(expression=deep))


def test_a_search_as_large_as_allowed_is_answered(filled: TrackingStore) -> None:
    filters = [where("Parameters.rate", "NotEquals", str(i)) for i in range(490)]

    assert found(filled, *filters) == "abd"
    assert found(filled, *filters, either=True) == "abcd"


@pytest.mark.parametrize("text", ["'; DROP TABLE nodes; --", "%", "_", "\\", "\0", "\ud800", "x" * 1_024, '"', "💥"])
@pytest.mark.parametrize("operator", ["Equals", "Contains"])
def test_hostile_values_and_names_are_only_values(filled: TrackingStore, text: str, operator: str) -> None:
    filled.write([SetTags(at=99, node=of_component("d"), tags={f"k{text}": f"v{text}"}), parameters("d", {text: text})])

    assert found(filled, where(f"Tags.k{text}", "Contains", text)) == "d"
    assert found(filled, where(f"Parameters.{text}", value=text)) == "d"
    assert "d" not in found(filled, where("DisplayName", operator, f"{text}{text}~"))
    assert filled.search(ComponentSearch(sort_by=f"Metrics.{text}.Max")).total == 4
