"""What a record's server and its clients send one another is what they meant, and nothing else is made of it."""

import json
import zlib
from array import array
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_core.errors import InvalidValueError, StoreVersionError
from plugin_core.model import portable
from plugin_core.model.changes import AppendPoints, Batch, Change, JournalSeen, PutComponent, SetParameters, SetStatus
from plugin_core.model.components import Component, Kind, OrchestratorRef, Owner, Status
from plugin_core.model.edits import Edit, UpdateComponent
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.metrics import MetricSummary
from plugin_core.model.portable import JsonValue, code_of, from_bytes, to_bytes
from plugin_core.model.queries import (
    ComponentQuery,
    ComponentSearch,
    Filter,
    Listing,
    NestedFilters,
    Page,
    Search,
    SearchExpression,
)

AT = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
RUNS = Status.RUNNING
OWNER = Owner(journal="j", host="here", pid=1, boot_id="b", started="2")


def there_and_back(annotation, value):
    code = code_of(annotation)
    return from_bytes(code, to_bytes(code, value))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 2**70),
        (str, "Grüße \ud800 \0 \u2028"),
        (float, float("-inf")),
        (bool | None, None),
        (datetime, AT),
        (dict[int, dict[str, str | None]], {7: {"a": None}, -1: {}}),
        (list[NodeRef], [NodeRef(NodeKind.ARTIFACT, "s3://b/k")]),
        (tuple[str, str | None] | None, ("a", None)),
        (tuple[Kind, ...], (Kind.FLOW, Kind.OP)),
        (
            Component,
            Component(
                id=1, name="a", display_name="A", kind=Kind.TASK, status=Status.CACHED, created_at=AT, modified_at=AT,
                orchestrator=OrchestratorRef(system="prefect", execution_id="x"), owner=OWNER, attempt=2,
                tags={"t": None},
            ),
        ),
        (Edit, UpdateComponent(at=1, name="a", status=Status.FAILED, parameters={"p": [1]}, removed_inputs=("i",))),
        (Listing, ComponentQuery(tag=("a", None), after=("x", 1, 2.5), created_after=AT)),
        (
            Search,
            ComponentSearch(
                expression=SearchExpression(
                    sub_expressions=(SearchExpression(filters=(Filter(property="p", value="v"),)),),
                    nested=(NestedFilters(property="Tags", filters=(Filter(property="k"),)),),
                )
            ),
        ),
        (list[Change], [JournalSeen(at=1, owner=OWNER, lease_until=5), SetStatus(at=1, component="a", status=RUNS)]),
    ],
)  # fmt: skip
def test_values_come_back_as_they_were(annotation, value):
    assert there_and_back(annotation, value) == value


def test_columns_come_back_as_arrays_with_every_bit():
    points = AppendPoints(
        component="a",
        metric="loss",
        steps=array("q", [0, 2**63 - 1, -(2**63)]),
        times=array("q", [1, 2, 3]),
        values=array("d", [0.1, float("inf"), float("nan")]),
        data={2: {"row": [1, "x"]}},
    )

    back = there_and_back(Batch, Batch(journal="j", start=0, end=9, changes=(points, points))).changes

    assert [b.steps for b in back] == [points.steps] * 2
    assert [b.values.tobytes() for b in back] == [points.values.tobytes()] * 2
    assert back[0].data == {2: {"row": [1, "x"]}}
    assert type(back[0].values) is array


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON))
def test_users_values_come_back_whatever_they_hold(parameters):
    change = SetParameters(at=1, component="a", parameters=parameters)

    assert there_and_back(Change, change) == change


def test_what_json_cannot_hold_comes_back_too():
    huge = {"$float": 10**5000, "$$": [float("nan")], "b": {"$int": "0x1"}}

    back = there_and_back(dict[str, JsonValue], huge)

    assert back["$float"] == 10**5000
    assert str(back["$$"]) == "[nan]"
    assert back["b"] == {"$int": "0x1"}


def test_a_page_of_anything_knows_its_items():
    summary = MetricSummary(
        name="m", count=1, last=float("nan"), last_step=1, last_time=AT, minimum=None, maximum=1.0, mean=1, std_dev=0.0
    )

    back = there_and_back(Page[MetricSummary], Page(items=(summary,), next=("a", 1), total=3))

    assert (back.items[0].name, back.items[0].minimum, back.next, back.total) == ("m", None, ("a", 1), 3)


def test_what_is_long_is_compressed_and_what_is_short_is_not():
    code = code_of(str)

    assert len(to_bytes(code, "a" * 100_000)) < 1_000
    assert to_bytes(code, "a" * 100) == b"\x00" + json.dumps("a" * 100).encode() + b"\n"
    assert from_bytes(code, to_bytes(code, "a" * 100_000)) == "a" * 100_000


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (str, object()), (Status, "running"), (Change, UpdateComponent(at=1, name="a")), (NodeRef, ("trial", "a")),
        (dict[str, str], {1: "a"}), (dict[int, str], {"1": "a"}), (datetime, 5), (list[Change], [None]), (list[int], 5),
        (datetime, datetime(2026, 1, 1)),
    ],
)  # fmt: skip
def test_what_is_not_of_its_annotation_is_not_sent(annotation, value):
    with pytest.raises(InvalidValueError):
        to_bytes(code_of(annotation), value)


@pytest.mark.parametrize(
    ("annotation", "content"),
    [
        (str, "1"), (int, "true"), (int, "1.5"), (bool, "0"), (float, '"x"'), (float, "true"), (list[int], '"ab"'),
        (list[int], "{}"), (dict[str, str], "[]"), (dict[int, str], '{"x": "a"}'), (datetime, '"now"'),
        (datetime, "1" + "0" * 30), (Status, '"asleep"'), (Status, "[]"), (NodeRef, '{"kind": "trial"}'),
        (NodeRef, '["trial", "a"]'), (Change, '["SetStatus"]'), (Change, "null"), (str | None, "7"), (None, "0"),
        (AppendPoints, '{"component":"a","metric":"m","steps":[0,1],"times":[0,0],"values":[0,0]}'),
        (AppendPoints, '{"component":"a","metric":"m","steps":[-8,1],"times":[0,0],"values":[0,0]}'),
        (AppendPoints, '{"component":"a","metric":"m","steps":"ab","times":[0,0],"values":[0,0]}'),
        (tuple[str, str | None], '["a"]'), (JsonValue, '{"$int": "z"}'), (str, "not json"), (list[int], "[" * 100_000),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_way(annotation, content):
    with pytest.raises(InvalidValueError):
        from_bytes(code_of(annotation), b"\x00" + content.encode() + b"\n")


@pytest.mark.parametrize(
    "message",
    [b"", b"\x00", b"\x00null", b"\x02null\n", b"\x01null\n", b"\x01" + zlib.compress(b"null\n")[:-4], b"\x00\xff\n"],
)
def test_a_message_that_is_damaged_is_refused(message):
    with pytest.raises(InvalidValueError):
        from_bytes(code_of(None), message)


def test_a_message_that_would_grow_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(portable, "MAX_BYTES", 1_000_000)
    bomb = b"\x01" + zlib.compress(b"0" * 5_000_000)

    with pytest.raises(InvalidValueError):
        from_bytes(code_of(str), bomb)
    with pytest.raises(InvalidValueError, match="too many"):
        to_bytes(code_of(str), "a" * 1_000_001)


def test_a_kind_that_only_a_newer_flowtrail_knows_is_not_refused_for_ever():
    with pytest.raises(StoreVersionError):
        from_bytes(code_of(Change), b'\x00["PutDream",{"at":1}]\n')


def test_no_other_class_than_those_of_the_annotation_is_made():
    with pytest.raises(StoreVersionError):
        from_bytes(code_of(Change), b'\x00["UpdateComponent",{"at":1,"name":"a"}]\n')


def test_a_field_that_a_newer_flowtrail_added_is_passed_over():
    content = b'\x00["PutComponent",{"at":1,"name":"a","mood":"good"}]\n'

    assert from_bytes(code_of(Change), content) == PutComponent(at=1, name="a")
