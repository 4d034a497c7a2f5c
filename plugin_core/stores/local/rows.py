"""Changes as rows: from what a change says, and the ids of what it names, to a statement's parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from plugin_core.model import arns
from plugin_core.model import changes as c
from plugin_core.model.components import Status
from plugin_core.model.names import job_slug
from plugin_core.model.parameters import number_of, to_text
from plugin_core.model.provenance import Provenance
from plugin_core.stores.local import fold as f
from plugin_core.stores.local.fold import Key, clean, key_of

Row: TypeAlias = dict[str, Any]
Ids: TypeAlias = Mapping[Key, int]


def _text(value: str | None) -> str | None:
    return None if value is None else clean(value)


def _id(kind: str, name: str | None, ids: Ids) -> int | None:
    return None if name is None else ids[key_of(kind, name)]


def experiment(change: c.PutExperiment, _ids: Ids) -> Row:
    """A row of ``experiments``."""
    return {
        "name": clean(change.name),
        "display_name": _text(change.display_name),
        "description": _text(change.description),
        "used_us": change.at,
    }


def trial(change: c.PutTrial, ids: Ids) -> Row:
    """A row of ``trials``."""
    return {
        "name": clean(change.name),
        "experiment_id": _id(f.EXPERIMENT, change.experiment, ids),
        "display_name": _text(change.display_name),
        "root_id": _id(f.COMPONENT, change.root_component, ids),
    }


def component(change: c.PutComponent, ids: Ids) -> Row:
    """A row of ``components``."""
    origin = change.orchestrator
    return {
        "name": clean(change.name),
        "display_name": _text(change.display_name),
        "kind": None if change.kind is None else str(change.kind),
        "status": Status.CREATED.value,
        "experiment_id": _id(f.EXPERIMENT, change.experiment, ids),
        "trial_id": _id(f.TRIAL, change.trial, ids),
        "run_name": _text(change.run_name),
        "parent_id": _id(f.COMPONENT, change.parent, ids),
        "root_id": _id(f.COMPONENT, change.root, ids),
        "attempt": change.attempt,
        "previous_id": _id(f.COMPONENT, change.previous_attempt, ids),
        "orchestrator": _text(origin.system) if origin else None,
        "execution_id": _text(origin.execution_id) if origin else None,
        "step_id": _text(origin.step_id) if origin else None,
        "url": _text(origin.url) if origin else None,
        "source_arn": _text(change.source_arn),
        "job_slug": _job_slug(change.name),
    }


def _job_slug(name: str) -> str | None:
    """What a component is called as a job, where that is not its name."""
    _, key = key_of(f.COMPONENT, name)
    slug = job_slug(key)
    return None if slug == key else slug


def artifact(change: c.PutArtifact, _ids: Ids) -> Row:
    """A row of ``artifacts``."""
    types = [[clean(t.kind), clean(t.value)] for t in change.source_types]
    return {
        "type": clean(change.type),
        "name": clean(change.name),
        "source_types": json.dumps(types) if types else None,
        "media_type": _text(change.media_type),
        "size_bytes": change.size_bytes,
        "blob": _text(change.blob),
        "digest": _digest(clean(change.source_uri)),
    }


def _digest(source_uri: str) -> str | None:
    """What an ARN calls an artifact, where its URI does not say so itself."""
    digest = arns.artifact_digest(source_uri)
    return None if source_uri == arns.CONTENT_PREFIX + digest else digest


def action(change: c.PutAction, ids: Ids) -> Row:
    """A row of ``actions``."""
    return context(change, ids) | {"status": _text(change.status)}


def context(change: c.PutContext | c.PutAction, _ids: Ids) -> Row:
    """A row of ``contexts``."""
    return {
        "name": clean(change.name),
        "type": clean(change.type),
        "source_uri": clean(change.source_uri),
        "description": _text(change.description),
    }


ROWS: Final[Mapping[str, Any]] = {
    f.EXPERIMENT: experiment,
    f.TRIAL: trial,
    f.COMPONENT: component,
    f.ARTIFACT: artifact,
    f.ACTION: action,
    f.CONTEXT: context,
}


def put(kind: str, key: Key, change: Any, ids: Ids) -> Row:
    """The row of a node's own Put."""
    times = {"id": ids[key], "created_us": change.at, "modified_us": change.at, "put_us": change.at}
    row: Row = ROWS[kind](change, ids)
    return row | times


_FIELDS: Final[Mapping[str, Row]] = {
    f.EXPERIMENT: dict.fromkeys(("display_name", "description")),
    f.TRIAL: dict.fromkeys(("experiment_id", "display_name", "root_id")),
    f.COMPONENT: dict.fromkeys((
        "display_name", "kind", "experiment_id", "trial_id", "run_name", "parent_id", "root_id", "attempt",
        "previous_id", "orchestrator", "execution_id", "step_id", "url", "source_arn",
    ))
    | {"status": Status.CREATED.value},
    f.ARTIFACT: dict.fromkeys(("type", "source_types", "media_type", "size_bytes", "blob")),
    f.ACTION: dict.fromkeys(("type", "source_uri", "description", "status")),
    f.CONTEXT: dict.fromkeys(("type", "source_uri", "description")),
}  # fmt: skip


def mention(kind: str, node: int, name: str, at: int) -> Row:
    """The row of a node that was named and not yet put."""
    row = _FIELDS[kind] | {"id": node, "name": name, "created_us": at, "modified_us": at, "put_us": -1}
    if kind == f.EXPERIMENT:
        row["used_us"] = at
    if kind == f.COMPONENT:
        row["job_slug"] = _job_slug(name)
    if kind == f.ARTIFACT:
        row |= {"name": None, "digest": _digest(name)}
    return row


def status(change: c.SetStatus, ids: Ids) -> Row:
    """Parameters of SET_STATUS."""
    ended = change.ended_at if change.ended_at is not None or not change.status.is_final else change.at
    return {
        "component": ids[key_of(f.COMPONENT, change.component)],
        "new": str(change.status),
        "final": int(change.status.is_final),
        "message": _text(change.message),
        "inferred": int(change.inferred),
        "at": change.at,
        "ended": ended,
    }


def parameters(change: c.SetParameters, ids: Ids) -> Iterator[Row]:
    """Rows of ``parameters``."""
    component_id = ids[key_of(f.COMPONENT, change.component)]
    for name, value in change.parameters.items():
        yield {
            "component_id": component_id,
            "name": clean(name),
            "at_us": change.at,
            "text": to_text(value),
            "number": number_of(value),
        }


def artifact_values(change: c.SetArtifactValues, ids: Ids) -> Iterator[Row]:
    """Rows of ``artifact_values``."""
    component_id = ids[key_of(f.COMPONENT, change.component)]
    for name, entry in change.values.items():
        yield {
            "component_id": component_id,
            "is_output": int(change.is_output),
            "name": clean(name),
            "value": clean(entry.value),
            "media_type": _text(entry.media_type),
            "at_us": change.at,
        }


def association(change: c.PutAssociation, ids: Ids) -> Row:
    """A row of ``associations``."""
    return {
        "source_id": ids[key_of(str(change.source.kind), change.source.key)],
        "destination_id": ids[key_of(str(change.destination.kind), change.destination.key)],
        "type": clean(change.type),
        "at_us": change.at,
    }


def tags(node: int, change: Any) -> Iterator[Row]:
    """Rows of ``tags``, of a SetTags or of any Put."""
    for key in getattr(change, "removed", ()):
        yield {"node_id": node, "key": clean(key), "value": None, "at_us": change.at, "removed": 1}
    for key, value in change.tags.items():
        yield {"node_id": node, "key": clean(key), "value": _text(value), "at_us": change.at, "removed": 0}


def properties(node: int, change: Any) -> Iterator[Row]:
    """Rows of ``properties``, of a SetProperties or of a Put that brings some."""
    for key, value in change.properties.items():
        yield {"node_id": node, "key": clean(key), "value": clean(value)}


def provenance(node: int, known: Provenance) -> Iterator[Row]:
    """Rows of ``provenance``."""
    for key in Provenance.__slots__:
        value: str | None = getattr(known, key)
        if value is not None:
            yield {"node_id": node, "key": key, "value": clean(value)}
