"""Whatever is sent to a record's operations is answered or refused; the server never fails over it."""

import asyncio
import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit.wire import ADMIN

from plugin_core.model.lineage import NodeKind
from plugin_core.stores import open_store
from plugin_core.stores.remote.calls import NAMES, call_of
from plugin_core.testing.contract.making import component, points
from plugin_core.wire.caller import CALLER
from plugin_core.wire.record import record_api

ODD = st.sampled_from([
    None, True, 0, -1, 1, 2**31, 2**63, -(2**70), 1.5, float("nan"), float("inf"), "", "a", "A" * 5000, "\0", "\ud800",
    "%_", "arn:aws:sagemaker:us-east-1:0:experiment/a", "desc", [], {}, [1, 2**70], ["a", None], [0, 1], {"1": "a"},
])  # fmt: skip
NAMED = {
    "kind": st.sampled_from(list(NodeKind)), "key": st.sampled_from(["a", "", "\0"]),
    "component": st.sampled_from([1, 2]),
    "limit": st.sampled_from([0, -1, 2**70, 5]), "max_depth": st.sampled_from([0, -1, 2**70]),
}  # fmt: skip
KINDS = [
    "PutTrial",
    "SetStatus",
    "SetTags",
    "AppendPoints",
    "ComponentQuery",
    "TrialSearch",
    "AssociationQuery",
    "UpdateTrial",
]
FIELDS = [
    "at", "name", "names", "steps", "times", "values", "data", "status", "tags", "node", "tag", "after", "limit",
    "expression", "sort_by", "created_after", "max_depth", "direction", "kinds", "since", "period_s", "experiment",
]  # fmt: skip
VALUES = st.recursive(
    ODD,
    lambda inner: (
        st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
        | st.lists(inner, max_size=2)
        | st.tuples(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)).map(list)
        | st.fixed_dictionaries({name: NAMED[name] for name in ("kind", "key")})
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('record') / 'record.db'}")
    store.write([component("a"), points("a", [1.0, 2.0])])
    yield record_api(store, threads=1)
    store.close()


def answered(app, operation: str, body: bytes) -> int:
    async def ask() -> int:
        told = []

        async def receive():
            return {"type": "http.request", "body": body}

        async def send(message):
            told.append(message)

        headers = [(b"x-flowtrail-operation", operation.encode())]
        await app({"type": "http", "headers": headers, CALLER: ADMIN}, receive, send)
        return told[0]["status"]

    return asyncio.run(ask())


@pytest.mark.parametrize("operation", sorted(NAMES))
@settings(max_examples=25, deadline=timedelta(seconds=60), suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_request_makes_the_server_fail(app, operation, data):
    arguments = {name: NAMED.get(name, VALUES) for name in call_of(operation).arguments}
    given_ones = data.draw(st.fixed_dictionaries({}, optional=arguments))

    body = b"\0" + json.dumps(given_ones).encode() + b"\n" + bytes(16)
    assert answered(app, operation, body) in {200, 400, 404, 409, 501}


@given(body=st.binary(max_size=50))
def test_no_bytes_make_the_server_fail(app, body):
    assert answered(app, "apply", body) == 400
