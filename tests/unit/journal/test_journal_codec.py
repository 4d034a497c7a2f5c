from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_core.journal import codec
from plugin_core.model import changes as c
from plugin_core.model.components import ArtifactValue, Kind, OrchestratorRef, Owner, Status
from plugin_core.model.lineage import NodeKind, NodeRef, SourceType

TEXT = st.text(max_size=12)
SURROGATES = st.text(st.characters(), max_size=6)
INT64 = st.integers(-(2**63), 2**63 - 1)
TAGS = st.dictionaries(TEXT, st.none() | SURROGATES, max_size=3)
PROPERTIES = st.dictionaries(TEXT, TEXT, max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | SURROGATES | st.just(10**5000),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.sampled_from(["$float", "$int"]), inner, max_size=3)
    ),
    max_leaves=6,
)
SPECIAL = {
    "tags": TAGS,
    "properties": PROPERTIES,
    "parameters": st.dictionaries(TEXT, JSON, max_size=4),
    "values": st.dictionaries(TEXT, st.builds(ArtifactValue, value=TEXT, media_type=st.none() | TEXT), max_size=3),
    "source_types": st.lists(st.builds(SourceType, kind=TEXT, value=TEXT), max_size=2).map(tuple),
    "removed": st.lists(TEXT, max_size=3).map(tuple),
    "attempt": st.none() | st.integers(0, 9),
}
for strategy in (
    st.sampled_from(Kind),
    st.sampled_from(Status),
    st.builds(NodeRef, st.sampled_from(NodeKind), TEXT),
    st.builds(
        OrchestratorRef, system=TEXT, execution_id=st.none() | TEXT, step_id=st.none() | TEXT, url=st.none() | TEXT
    ),
    st.builds(Owner, journal=TEXT, host=TEXT, pid=st.integers(0, 2**31), boot_id=TEXT, started=TEXT),
):
    st.register_type_strategy(type(strategy.example()) if False else dict, strategy) if False else None

OWNER = st.builds(Owner, journal=TEXT, host=TEXT, pid=st.integers(0, 2**31), boot_id=TEXT, started=TEXT)
