"""Promises for any value at all, by generated examples."""

import datetime as dt
import decimal
import json
import math
import reprlib
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_core.capture.values import Limits, describe
from plugin_core.model.parameters import from_text, to_text
from plugin_core.redaction import Redactor, SecretMemory

LIMITS = Limits(budget_s=5)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet=st.characters(categories=["Cs", "Cc", "Ll"]))
    | st.binary()
    | st.decimals()
    | st.datetimes()
    | st.timedeltas()
    | st.uuids()
    | st.complex_numbers()
    | st.sampled_from([object(), len, int, NotImplemented, ..., range(3), np.float32(1), np.int8(1), np.arange(3)])
)
keys = st.text() | st.integers() | st.none() | st.booleans() | st.floats() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(keys, inner)
        | st.tuples(inner, inner)
        | st.sets(st.integers() | st.text())
        | st.lists(st.floats(), min_size=100, max_size=120)
    ),
    max_leaves=40,
)


@dataclass(frozen=True, eq=False)
class Case:
    """Any value. A failure shows its beginning: some are pages long, and what failed stands after them."""

    value: object

    def __repr__(self) -> str:
        return f"Case({reprlib.repr(self.value)})"


def look(value: object):
    return describe("x", value, limits=LIMITS, redactor=Redactor(memory=SecretMemory()))


def facts(found) -> str:
    artifacts = [[a.name, a.type, a.identity, a.location, a.properties, a.parameters] for a in found.artifacts]
    return json.dumps([found.parameters, artifacts])


@settings(max_examples=200, deadline=None)
@given(values.map(Case))
def test_any_value_has_a_record_that_can_be_written_and_is_the_same_each_time(case) -> None:
    found = look(case.value)

    assert facts(found) == facts(look(case.value))
    for name, recorded in found.parameters.items():
        assert name == "x" or name.startswith("x.")
        to_text(recorded).encode()
    for artifact in found.artifacts:
        assert "describe_error" not in artifact.properties
        assert artifact.payload is None or type(artifact.payload.write()) in {bytes, type(None)}


@settings(max_examples=100, deadline=None)
@given(st.none() | st.booleans() | st.integers() | st.floats())
def test_numbers_come_back_as_they_were(value) -> None:
    back = from_text(to_text(look(value).parameters["x"]))

    assert back == value or (math.isnan(value) and math.isnan(back))
    assert type(back) is type(value)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers() | st.floats(allow_nan=False) | st.text() | st.none(), min_size=101, max_size=150), st.data()
)
def test_one_changed_element_is_another_identity(value, data) -> None:
    position = data.draw(st.integers(0, len(value) - 1))
    changed = [*value[:position], "something else", *value[position + 1 :]]

    if changed != value:
        assert {a.identity for a in look(changed).artifacts}.isdisjoint(
            a.identity for a in look(value).artifacts if a.identity
        )


@settings(max_examples=200, deadline=None)
@given(st.text(), st.sampled_from(["", "password=", "postgres://u:", "--token ", "{'api_key': '"]), st.text())
def test_redacting_any_text_ends_and_is_stable(before: str, lead: str, after: str) -> None:
    redactor = Redactor(memory=SecretMemory())

    once = redactor.text(before + lead + after)
    assert redactor.text(once) == redactor.text(redactor.text(once))


def test_dates_and_decimals_in_rows_are_json(tmp_path) -> None:
    rows = [{"day": dt.date(2026, 1, i + 1), "price": decimal.Decimal("1.10")} for i in range(25)]

    (artifact,) = look(rows).artifacts
    assert json.loads(artifact.payload.write())[0] == {"day": "2026-01-01", "price": "1.10"}
