"""Experiments and trials: what holds components together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from plugin_core.model.provenance import NO_PROVENANCE, Provenance


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One question asked again and again; a flow's executions belong to one."""

    name: str
    display_name: str
    created_at: datetime
    modified_at: datetime
    description: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    provenance: Provenance = NO_PROVENANCE


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One execution of an experiment, or the group of its directly logged runs.

    ``root_component`` names the component that stands for the execution itself; None for a group.
    """

    name: str
    experiment: str
    display_name: str
    created_at: datetime
    modified_at: datetime
    root_component: str | None = None
    tags: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    provenance: Provenance = NO_PROVENANCE
