"""What can be asked of a record at a server: all that a store can, each with a permission; what is long, in pages."""

import inspect
import json

import pytest

from plugin_core.errors import ConflictError, InvalidValueError, NotFoundError, StoreError, StoreUnavailableError
from plugin_core.stores import open_store
from plugin_core.stores.protocol import TrackingStore
from plugin_core.stores.remote import RemoteStore
from plugin_core.stores.remote.calls import NAMES, call_of, failure_from, failure_to
from plugin_core.testing.contract.making import component, points
from plugin_core.wire.record import PERMISSIONS, points_page


def test_every_method_of_a_store_has_a_permission_and_nothing_else_has():
    methods = {name for name, _ in inspect.getmembers(TrackingStore, inspect.isfunction) if not name.startswith("_")}

    assert PERMISSIONS.keys() == NAMES
    assert methods - NAMES == {"close", "points"}  # the latter in pages
    assert methods <= {name for name, _ in inspect.getmembers(RemoteStore)}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_operation_can_be_written_and_read(name):
    call = call_of(name)

    assert call.arguments.keys() == set(call.signature.parameters) - {"self"}


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_pages_of_points_join_to_the_series_also_where_a_step_has_many(most, tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    steps = [0, 1, 1, 1, 1, 2, 5, 5]
    store.write([component("a"), points("a", [float(n) for n in range(8)], steps=steps)])
    node = store.component("a").id
    page = points_page(store, node, "loss", most=most)
    read = [*zip(page.steps, page.values, strict=True)]

    while page.next is not None:
        page = points_page(store, node, "loss", after=page.next, most=most)
        read += zip(page.steps, page.values, strict=True)
    assert read == [(step, float(n)) for n, step in enumerate(steps)]
    store.close()


def test_points_that_come_between_two_pages_come_once_or_not_at_all(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    store.write([component("a"), points("a", [0.0, 1.0, 2.0], steps=[1, 1, 2])])
    node = store.component("a").id
    first = points_page(store, node, "loss", most=2)
    store.write([points("a", [9.0, 8.0], steps=[0, 1])])

    rest = points_page(store, node, "loss", after=first.next, most=10)
    assert [*first.values, *rest.values] == [0.0, 1.0, 8.0, 2.0]
    store.close()


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError("component", "a", hint="Look again."),
        ConflictError("There is one.", kind="trial", name="t", hint="Take it."),
        ConflictError("It changed."),
        InvalidValueError("No.", hint="Yes."),
    ],
)
def test_errors_arrive_as_they_were_raised(error):
    arrived = failure_from(json.loads(failure_to(error)[1]), "http://host")

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_a_store_s_own_words_stay_at_the_server():
    status, body = failure_to(StoreUnavailableError("/var/lib/secret/record.db is locked"))
    arrived = failure_from(json.loads(body), "http://host")

    assert status == 503
    assert b"secret" not in body
    assert isinstance(arrived, StoreUnavailableError)
    assert failure_to(StoreError("odd"))[0] == 500
    assert failure_from({"message": "of something else"}, "http://host") is None
