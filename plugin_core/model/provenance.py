"""Where a thing came from: what its maker says of it (SageMaker's MetadataProperties), who made it, who changed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """What is known of a thing's origin. ``created_by`` and ``modified_by`` name callers of the wire."""

    commit_id: str | None = None
    repository: str | None = None
    generated_by: str | None = None
    project_id: str | None = None
    created_by: str | None = None
    modified_by: str | None = None


NO_PROVENANCE: Final = Provenance()
