from __future__ import annotations

import math
from array import array
from dataclasses import fields
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_core.journal import codec
from plugin_core.model import changes as c
from plugin_core.model.components import ArtifactValue, Owner
from plugin_core.model.lineage import SourceType

TEXT = st.text(max_size=8)
ANY_TEXT = st.text(st.characters(), max_size=6)  # lone surrogates included
INT64 = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(2**9000) | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.just("$float"), inner, max_size=3),
    max_leaves=6,
)
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "tags": st.dictionaries(TEXT, st.none() | ANY_TEXT, max_size=3),
    "properties": st.dictionaries(TEXT, TEXT, max_size=3),
    "parameters": st.dictionaries(TEXT, JSON, max_size=4),
    "source_types": st.lists(st.builds(SourceType, kind=TEXT, value=TEXT), max_size=2).map(tuple),
    "removed": st.lists(TEXT, max_size=3).map(tuple),
    "steps": INT64.map(lambda x: array("q", x)),
    "times": INT64.map(lambda x: array("q", x)),
    "data": st.dictionaries(st.integers(0, 9), JSON, max_size=3),
}
VALUES = {
    c.SetArtifactValues: st.dictionaries(TEXT, st.builds(ArtifactValue, value=TEXT), max_size=3),
    c.AppendPoints: st.lists(st.floats(allow_nan=False), max_size=3).map(lambda x: array("d", x)),
}


def changes_of(cls: type[Any]) -> st.SearchStrategy[Any]:
    special = {f.name: SPECIAL[f.name] for f in fields(cls) if f.name in SPECIAL}
    if cls in VALUES:
        special["values"] = VALUES[cls]
    if cls is c.AppendPoints:  # its annotations cannot be evaluated before Python 3.12
        special |= {"component": TEXT, "metric": TEXT}
    return st.builds(cls, **special)


@pytest.mark.parametrize("cls", get_args(c.Change), ids=lambda cls: cls.__name__)
def test_every_change_comes_back_as_it_was(cls: type[Any]) -> None:
    @given(changes_of(cls))
    def check(change: c.Change) -> None:
        assert codec.decode(codec.encode(change)) == change

    check()


def test_nan_and_infinities_come_back() -> None:
    change = c.SetParameters(at=1, component="c", parameters={"a": math.inf, "b": [-math.inf, {"c": math.nan}]})

    back = codec.decode(codec.encode(change))
    assert isinstance(back, c.SetParameters)
    assert repr(back.parameters) == repr(change.parameters)


def test_the_encoding_is_ascii_whatever_the_text() -> None:
    change = c.PutExperiment(at=1, name="é\ud800\0", description="\n")

    assert codec.encode(change).isascii()
    assert b"\n" not in codec.encode(change)


def test_what_a_newer_writer_added_to_a_known_change_is_left_out() -> None:
    payload = b'PutExperiment {"at":1,"name":"e","colour":"red"}'

    assert codec.decode(payload) == c.PutExperiment(at=1, name="e")


@pytest.mark.parametrize(
    "payload",
    [
        b'PutColour {"at":1}',
        b'SetStatus {"at":1,"component":"c","status":"dreaming"}',
        b'PutExperiment {"at":1}',
        b"PutExperiment [1]",
        b"PutExperiment",
        b"\xff\xfe",
        b"PutExperiment " + b"[" * 100_000,
    ],
)
def test_what_only_a_newer_version_knows_is_told_apart(payload: bytes) -> None:
    with pytest.raises(codec.UnknownChangeError):
        codec.decode(payload)


def test_an_owner_keeps_its_fields() -> None:
    owner = Owner(journal="j", host="h", pid=7, boot_id="b", started="123")
    change = c.JournalSeen(at=1, owner=owner, lease_until=2)

    assert codec.decode(codec.encode(change)) == change
