"""A job as Dagster's instance keeps it: what its nodes are, where their definitions are not at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster._core.snap import JobSnap


@dataclass(frozen=True, slots=True)
class StoredOp:
    """An op of a job: its definition's name and the defaults of its config."""

    name: str
    config_defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])


class StoredJob:
    """Finds the ops of one job."""

    def __init__(self, snapshot: JobSnap | None) -> None:
        self._snapshot = snapshot
        self._known: dict[str, StoredOp] = {}

    def op_at(self, path: str) -> StoredOp:
        """The op at a path of node names (``graph.op``); known by its own name alone where nothing was kept."""
        if path not in self._known:
            self._known[path] = self._find(path)
        return self._known[path]

    def _find(self, path: str) -> StoredOp:
        name = self._definition_at(path.split("."))
        snapshot = self._snapshot
        if name is None or snapshot is None:
            return StoredOp(path.rpartition(".")[2])
        ops = {op.name: op for op in snapshot.node_defs_snapshot.op_def_snaps}
        config = ops[name].config_field_snap if name in ops else None
        return StoredOp(name, {} if config is None else self._defaults(config.type_key))

    def _definition_at(self, names: list[str]) -> str | None:
        if self._snapshot is None:
            return None
        graphs = {graph.name: graph for graph in self._snapshot.node_defs_snapshot.graph_def_snaps}
        within: Any = self._snapshot.dep_structure_snapshot
        definition: str | None = None
        for name in names:
            nodes = () if within is None else within.node_invocation_snaps
            definition = next((node.node_def_name for node in nodes if node.node_name == name), None)
            within = graphs[definition].dep_structure_snapshot if definition in graphs else None
        return definition

    def _defaults(self, type_key: str) -> dict[str, Any]:
        schema: Any = None if self._snapshot is None else self._snapshot.config_schema_snapshot
        if schema is None or not schema.has_config_snap(type_key):
            return {}
        fields = schema.get_config_snap(type_key).fields or ()
        return {each.name: json.loads(each.default_value_as_json_str) for each in fields if each.default_provided}
