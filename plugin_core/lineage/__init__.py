"""Questions to the lineage graph: what a thing came from, and what came of it.

``ancestors``, ``descendants`` and ``path`` for people; SageMaker's LineageTrialComponent, artifacts and
LineageQuery for its users. Reads the store of this process; the graph is written by tracking and capture.
"""

from plugin_core.lineage.artifact import Artifact, ArtifactSource, DatasetArtifact, ImageArtifact, ModelArtifact
from plugin_core.lineage.graph import LineageGraph, ancestors, descendants, path, walk
from plugin_core.lineage.lineage_trial_component import LineageTrialComponent
from plugin_core.lineage.nodes import to_node
from plugin_core.lineage.query import Edge, LineageFilter, LineageQuery, LineageQueryResult, Vertex
from plugin_core.lineage.words import LineageEntityEnum, LineageQueryDirectionEnum, LineageSourceEnum

__all__ = [
    "Artifact",
    "ArtifactSource",
    "DatasetArtifact",
    "Edge",
    "ImageArtifact",
    "LineageEntityEnum",
    "LineageFilter",
    "LineageGraph",
    "LineageQuery",
    "LineageQueryDirectionEnum",
    "LineageQueryResult",
    "LineageSourceEnum",
    "LineageTrialComponent",
    "ModelArtifact",
    "Vertex",
    "ancestors",
    "descendants",
    "path",
    "to_node",
    "walk",
]
