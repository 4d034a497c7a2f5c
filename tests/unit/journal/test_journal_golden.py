"""Journals of released format versions stay readable, byte for byte as they were written then."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

from plugin_core.journal.reader import SegmentReader
from plugin_core.journal.segments import segment_at
from plugin_core.model import changes as c
from plugin_core.model.components import ArtifactValue, Kind, OrchestratorRef, Owner, Status
from plugin_core.model.lineage import NodeKind, NodeRef, SourceType

DATA = Path(__file__).parents[2] / "data" / "journal"
OWNER = Owner(journal="0" * 32, host="host", pid=4711, boot_id="boot", started="123")
RUN, DATASET = NodeRef(NodeKind.COMPONENT, "e-r"), NodeRef(NodeKind.ARTIFACT, "sha256:00")
CHANGES: tuple[c.Change, ...] = (
    c.PutExperiment(at=1, name="e", display_name="É", description="", tags={"a": None, "b": "x"}),
    c.PutTrial(at=2, name="t", experiment="e", root_component="e-r"),
    c.PutComponent(
        at=3,
        name="e-r",
        experiment="e",
        trial="t",
        run_name="r",
        kind=Kind.TASK,
        parent="e-p",
        attempt=2,
        orchestrator=OrchestratorRef(system="prefect", step_id="s", url="http://x"),
        owner=OWNER,
        properties={"git": "abc"},
    ),
    c.SetStatus(at=4, component="e-r", status=Status.FAILED, message="\ud800", ended_at=5, inferred=True),
    c.SetParameters(at=6, component="e-r", parameters={"lr": 0.1, "n": 2**9000, "nan": [math.inf], "$x": {"$y": None}}),
    c.SetArtifactValues(at=7, component="e-r", is_output=False, values={"d": ArtifactValue(value="s3://b/k")}),
    c.PutArtifact(
        at=8,
        source_uri="sha256:00",
        type="DataSet",
        name="d",
        source_types=(SourceType(kind="Custom", value="v"),),
        size_bytes=0,
    ),
    c.PutAction(at=9, name="a", type="approval", source_uri="u", status="Completed"),
    c.PutContext(at=10, name="x", type="endpoint", source_uri="u"),
    c.PutAssociation(at=11, source=DATASET, destination=RUN, type="ContributedTo"),
    c.SetTags(at=12, node=RUN, tags={"k": "v"}, removed=("old",)),
    c.SetProperties(at=13, node=RUN, properties={"p": "q"}),
    c.JournalSeen(at=14, owner=OWNER, lease_until=15),
)
POINTS = c.AppendPoints(
    component="e-r",
    metric="loss",
    steps=array("q", [0, 1, -5, 2**62, 3]),
    times=array("q", [100, 101, 102, 103, 104]),
    values=array("d", [0.5, math.inf, -0.0, 1e-300, math.nan]),
    data={4: {"row": [1, "x", None]}},
)


def test_a_journal_of_version_1_is_read_as_it_was_written() -> None:
    (path,) = DATA.glob("*.jrn")
    with SegmentReader(segment_at(path)) as reader:
        (window,) = reader.windows(0)
        header, damage = reader.header, reader.damage

    assert header is not None
    assert (header.format, header.store_url, header.owner.pid) == (1, "sqlite:////record.db", 4711)
    assert repr(window.changes[:-1]) == repr(CHANGES)
    assert repr(window.changes[-1]) == repr(POINTS)
    assert reader.is_sealed
    assert not damage
