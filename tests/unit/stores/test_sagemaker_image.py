"""What is known of a component survives the form in which AWS holds it."""

import math
from array import array
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_core.model.changes import AppendPoints, PutComponent, SetParameters, SetStatus
from plugin_core.model.components import ArtifactValue, Kind, OrchestratorRef, Owner, Status
from plugin_core.model.metrics import Json
from plugin_core.model.queries import ComponentQuery
from plugin_core.stores.aws import texts
from plugin_core.stores.aws.image import Image, creation, image_from, image_of, state_from, tag_list, update
from plugin_core.stores.aws.points import Progress, note_points
from plugin_core.stores.aws.searching import narrowed
from plugin_core.stores.aws.state import ComponentState, change

OWNER = Owner(journal="j", host="a host=1", pid=7, boot_id="b", started="9")
TEXT = st.text(max_size=40)


def described(name: str, image: Image) -> dict[str, Any]:
    """What AWS says of a component that was made as an image has it."""
    made = {member: value for member, value in creation(image).items() if value is not None}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return made | {"TrialComponentName": name, "TrialComponentArn": f"arn:x/{name}", "CreationTime": now}


def there_and_back(state: ComponentState) -> ComponentState:
    image = image_of(state)
    return state_from(members := described(state.name, image), image_from(members, tag_list(image.tags), image.held))


def of(*changes: Any) -> ComponentState:
    state = ComponentState(name="c")
    for each in changes:
        change(state, each)
    return state


@given(key=TEXT.filter(bool), value=st.none() | TEXT)
def test_any_tag_comes_back_from_what_aws_takes(key: str, value: str | None) -> None:
    shown = texts.tag_value(value)

    assert texts.from_tag_value(shown) == value
    assert texts.unquoted(texts.quoted(key)) == key
    assert not texts.quoted(key).startswith("flowtrail:")


@pytest.mark.parametrize("text", ["plain", "with space", "a=b", "user@host/x:1", "ümlaut"])
def test_a_text_that_aws_takes_stays_as_it_is(text: str) -> None:
    assert texts.quoted(text) == text


@pytest.mark.parametrize(
    "value", [0, -3, 0.5, True, None, "text", "json:[1]", [1, {"a": None}], 2**70, math.inf, -0.0, "", "\0", "\ud800"]
)
def test_a_parameter_comes_back_with_its_type(value: Json) -> None:
    found = texts.from_parameter(texts.parameter(value))

    assert (found, type(found)) == (value, type(value))


def test_a_number_without_a_fraction_comes_back_whole() -> None:
    assert texts.parameter(3.0) == {"NumberValue": 3.0}
    assert type(texts.from_parameter({"NumberValue": 3.0})) is int


def test_all_that_is_known_of_a_component_comes_back() -> None:
    ref = OrchestratorRef(system="prefect", execution_id="e", step_id="s", url="https://x/y?z=1")
    put = PutComponent(
        at=5, name="c", experiment="x", trial="t", run_name="r", display_name="Train! (β)", kind=Kind.TASK,
        parent="p", root="q", attempt=3, previous_attempt="o", orchestrator=ref, owner=OWNER, tags={"a": None},
        properties={"git": "abc", "dirty?": "yes\n"},
    )  # fmt: skip
    state = of(put, SetStatus(at=9, component="c", status=Status.CACHED, message="why", started_at=6, ended_at=8))
    back = there_and_back(state).component(1)

    assert back == state.component(1)
    assert (back.owner, back.status, back.display_name) == (OWNER, Status.CACHED, "Train! (β)")


def test_what_aws_cannot_hold_is_held_and_what_fits_is_shown() -> None:
    many: dict[str, Json] = {f"p{i}": i for i in range(400)}
    state = of(SetParameters(at=1, component="c", parameters={"long": "x" * 9_000, **many}))
    state.outputs = {"o": ArtifactValue(value="s" * 3_000), "odd": ArtifactValue(value="s3://x", media_type="a/b.c")}
    state.tags = {f"t{i}": "v" * 300 for i in range(60)}
    image = image_of(state)
    back = there_and_back(state)

    assert (len(image.parameters), len(image.parameters["long"]["StringValue"])) == (300, 2_500)
    assert len(image.tags) <= 50
    assert (back.parameters, back.outputs, back.tags) == (state.parameters, state.outputs, state.tags)


def test_points_that_are_no_finite_numbers_are_held_once() -> None:
    state, progress = of(), Progress()
    points = AppendPoints(
        component="c", metric="m", steps=array("q", [0, 1, 2]), times=array("q", [1, 2, 3]),
        values=array("d", [math.nan, 1.0, math.inf]), data={0: {"row": 1}},
    )  # fmt: skip
    note_points(state, [points], progress)
    note_points(state, [points], progress)
    back = there_and_back(state)

    assert [point[0] for point in back.held_points["m"]] == [0, 2]
    assert back.held_points["m"][0][3] == {"row": 1}
    assert back.held_points["m"][1][2] == math.inf
    assert back.last_steps == {"m": 2}


def test_only_what_differs_is_sent() -> None:
    old = image_of(of(SetParameters(at=1, component="c", parameters={"a": 1, "b": 2})))
    new = image_of(of(SetParameters(at=1, component="c", parameters={"b": 2, "c": 3})))

    assert update(old, new) == {"Parameters": {"c": {"NumberValue": 3.0}}, "ParametersToRemove": ["a"]}
    assert update(new, new) == {}


def test_what_another_client_made_of_a_status_holds() -> None:
    state = of(SetStatus(at=9, component="c", status=Status.CACHED, ended_at=9))
    image = image_of(state)
    members = described("c", image) | {"Status": {"PrimaryStatus": "Failed", "Message": "by hand"}}
    found = state_from(members, image_from(members, tag_list(image.tags), {}))

    assert (found.status, found.message) == (Status.FAILED, "by hand")


def test_what_aws_can_look_for_it_is_asked_to_look_for() -> None:
    query = ComponentQuery(parent="Flow", statuses=(Status.RUNNING, Status.CANCELLING), tag=("team", "blue"))
    asked = narrowed(query)

    assert asked is not None
    assert asked["Filters"] == [
        {"Name": "Tags.flowtrail:parent", "Operator": "In", "Value": "Flow,flow"},
        {"Name": "Status.PrimaryStatus", "Operator": "In", "Value": "InProgress,Stopping"},
        {"Name": "Tags.team", "Operator": "Equals", "Value": "blue"},
    ]
    assert narrowed(ComponentQuery()) is None
