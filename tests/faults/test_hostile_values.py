"""Values that lie, raise, hang or never end: described by type, in time, without running their code."""

import collections
import contextlib
import json
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from plugin_core.capture.values import Description, Limits, describe
from plugin_core.model.parameters import to_text
from plugin_core.redaction import Redactor, SecretMemory

TOUCHED: list[str] = []


def touched(name: str, error: type[BaseException] = SystemExit):
    def method(*args, **kwargs):
        TOUCHED.append(name)
        raise error(name)

    return method


METHODS = (
    "__repr__ __str__ __len__ __eq__ __ne__ __bool__ __hash__ __iter__ __getattr__ __getattribute__ __contains__ "
    "__call__ __getitem__ __index__ __int__ __float__ __fspath__ __array__ __reduce__ __reduce_ex__ __getstate__ "
    "__copy__ __deepcopy__ __dataframe__ __bytes__ __format__ __dir__ __sizeof__ items keys values isoformat"
)
HOSTILE = {name: touched(name) for name in METHODS.split()}
LIAR = {"__class__": property(touched("__class__")), "__dict__": property(touched("__dict__"))}


class HostileMeta(type):
    __hash__ = touched("meta hash")
    __eq__ = touched("meta eq")
    __repr__ = touched("meta repr")
    __instancecheck__ = touched("meta instancecheck")
    __mro__ = property(touched("meta mro"))
    __module__ = property(touched("meta module"))


# In a mapping, not in the module: pytest looks at what stands in the module, and would end.
CLASSES = {
    "object": object,
    "hostile": type("Hostile", (), {**HOSTILE, **LIAR}),
    "str": type("HostileStr", (str,), {**HOSTILE, "encode": touched("encode")}),
    "int": type("HostileInt", (int,), {**HOSTILE, "bit_length": touched("bit_length")}),
    "float": type("HostileFloat", (float,), HOSTILE),
    "dict": type("HostileDict", (dict,), HOSTILE),
    "list": type("HostileList", (list,), HOSTILE),
    "tuple": type("HostileTuple", (tuple,), HOSTILE),
    "bytes": type("HostileBytes", (bytes,), HOSTILE),
    "meta": HostileMeta("WithMeta", (), {}),
    "impostor": type("DataFrame", (), {**HOSTILE, "__module__": "pandas.core.frame"}),
    "no module": type("NoModule", (), {"__module__": property(touched("module"))}),
}


def make(kind: str, *arguments, **named):
    return CLASSES[kind](*arguments, **named)


@dataclass
class WithProperties:
    rate: float = 0.1

    shape = property(touched("shape"))
    columns = property(touched("columns"))


@pytest.fixture(autouse=True)
def _clean():
    TOUCHED.clear()


def look(value: object, **limits) -> Description:
    found = describe("x", value, limits=Limits(**limits), redactor=Redactor(memory=SecretMemory()))
    json.dumps([found.parameters, [[a.name, a.properties, a.parameters, a.identity] for a in found.artifacts]])
    return found


@pytest.mark.parametrize("kind", ["hostile", "meta", "impostor", "no module", "object"])
def test_methods_of_unknown_types_are_never_called(kind: str) -> None:
    for value in (make(kind), [make(kind)], {"a": make(kind)}, (1, make(kind))):
        found = look(value)
        assert [a.identity for a in found.artifacts] == [None]
        assert "describe_error" not in found.artifacts[0].properties
    assert TOUCHED == []


@pytest.mark.parametrize(
    ("build", "recorded"),
    [
        (lambda: make("str", "text"), {"x": "text"}),
        (lambda: make("int", 5), {"x": 5}),
        (lambda: make("float", 0.5), {"x": 0.5}),
        (lambda: make("dict", a=1), {"x.a": 1}),
        (lambda: make("list", [1, 2]), {"x": [1, 2]}),
        (lambda: make("tuple", (1, 2)), {"x": [1, 2]}),
        (WithProperties, {"x.rate": 0.1}),
        (lambda: {"k": make("list", [make("int", 1)])}, {"x.k": [1]}),
    ],
)
def test_subclasses_of_plain_types_are_read_through_the_plain_type(build, recorded) -> None:
    value = build()
    TOUCHED.clear()

    assert look(value).parameters == recorded
    assert TOUCHED == []


def test_hostile_bytes_are_read_by_their_buffer() -> None:
    assert look(make("bytes", b"abc")).artifacts[0].identity == look(b"abc").artifacts[0].identity
    assert TOUCHED == []


def test_iterators_locks_and_files_are_not_consumed(tmp_path) -> None:
    generator, lock = (i for i in range(3)), threading.Lock()
    (tmp_path / "f").write_text("abc")

    with (tmp_path / "f").open() as file:
        for value in (generator, iter([1]), map(int, "12"), lock, file, threading.current_thread()):
            assert look(value).artifacts[0].type == "Value"
        assert file.read() == "abc"
    assert list(generator) == [0, 1, 2]
    assert lock.acquire(blocking=False)


def test_cycles_and_depth_end() -> None:
    cycle: list = []
    cycle.append(cycle)
    ring: dict = {}
    ring["ring"] = ring
    deep_list: object = 1
    deep_dict: object = 1
    for _ in range(100_000):
        deep_list, deep_dict = [deep_list], {"k": deep_dict}

    for value in (cycle, ring, deep_list, deep_dict, [ring, cycle]):
        found = look(value)
        assert len(found.parameters) + len(found.artifacts) <= 10
    while isinstance(deep_list, list):  # taken apart by hand: dropping it at once would nest as deep
        deep_list, deep_dict = deep_list[0], deep_dict["k"]


@pytest.mark.parametrize(
    "value",
    [
        10**5000,
        -(10**5000),
        [10**5000] * 3,
        {10**5000: 1},
        float("nan"),
        [float("inf")] * 500,
        "\ud800" * 10,
        "\ud800" * 10_000,
        "\0" * 10_000,
        {"\ud800\0": "\ud800"},
        {(1, 2): 3, None: 4, 1.5: 5, b"k": 6, object: 7},
        b"\xff" * 10_000,
        [set(), frozenset({1}), (), {}],
        collections.deque([1, 2]),
        memoryview(b"abc"),
        NotImplemented,
        ...,
        ExceptionGroup("g", [ValueError("x")]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_odd_values_have_a_record_that_can_be_written(value) -> None:
    found = look(value, budget_s=5)

    for recorded in found.parameters.values():
        to_text(recorded).encode()
    for artifact in found.artifacts:
        assert "describe_error" not in artifact.properties
        "".join((*artifact.properties, *artifact.properties.values())).encode()
        assert artifact.payload is None or artifact.payload.write() is not None


def test_a_changing_container_is_described_all_the_same() -> None:
    shared, stop = {str(i): i for i in range(50)}, threading.Event()

    def change() -> None:
        i = 0
        while not stop.is_set():
            shared[f"k{i % 100}"] = i
            shared.pop(f"k{(i - 50) % 100}", None)
            i += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            look(shared)
    finally:
        stop.set()
        thread.join()
    assert not thread.is_alive()


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, MemoryError, RecursionError, RuntimeError])
def test_whatever_a_handler_raises_becomes_a_description(error: type[BaseException]) -> None:
    class Broken(BaseEstimator):
        get_params = touched("get_params", error)

    found = look({"model": Broken(), "n": 1})
    assert found.parameters == {"x.n": 1}
    assert found.artifacts[0].properties["describe_error"] == error.__name__


def test_a_keyboard_interrupt_is_passed_on() -> None:
    class Interrupted(BaseEstimator):
        get_params = touched("get_params", KeyboardInterrupt)

    with pytest.raises(KeyboardInterrupt):
        look(Interrupted())


def test_a_subclass_of_an_array_is_read_as_the_array_it_is() -> None:
    class Hostile(np.ndarray):
        nbytes = shape = dtype = property(touched("property"))
        __array__ = __getitem__ = __iter__ = touched("method")

    found = look(np.zeros(3).view(Hostile))
    assert found.artifacts[0].identity == look(np.zeros(3)).artifacts[0].identity


def test_huge_values_are_bounded_in_what_they_leave() -> None:
    for value in (
        {str(i): "x" * 10_000 for i in range(10_000)},
        ["x" * 1_000_000] * 20,
        {"a": {"b": ["y" * 9_999] * 99}},
    ):
        found = look(value)
        assert sum(len(to_text(v)) for v in found.parameters.values()) < 2_000_000
        assert all(len(text) < 5_000 for a in found.artifacts for text in a.properties.values())


def test_a_value_that_breaks_when_dropped_breaks_nothing() -> None:
    with contextlib.suppress(RecursionError):
        look(make("list", [make("dict", a=make("hostile"))] * 1_000))
    assert TOUCHED == []
