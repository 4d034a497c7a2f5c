"""What is known of a value: parameters, artifacts, and bytes to store later. Plain values; no I/O here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from plugin_core.model.lineage import ArtifactType
from plugin_core.model.metrics import Json

Clock: TypeAlias = Callable[[], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How far a description may go.

    ``level``: ``off``, ``params`` (scalars only), ``meta`` (no bytes) or ``full``. ``max_bytes`` bounds what is
    stored of one value, ``budget_s`` (seconds of ``clock``) the time that one value costs, ``depth`` and ``items``
    the containers that are looked into, ``text`` and ``preview`` the characters kept of a text.

    ``clock`` is this thread's own CPU time, so that a busy machine does not change what is read of a value, and with
    it the value's identity; reading files is bounded by ``io_clock``, the time that passes.
    """

    level: str = "full"
    max_bytes: int = 10_000_000
    budget_s: float = 0.020
    depth: int = 6
    items: int = 100
    text: int = 4_096
    preview: int = 1_024
    clock: Clock = time.thread_time
    io_clock: Clock = time.perf_counter


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes of a value as it was when described. ``suffix`` has its dot (``.csv``).

    ``write`` may run later and on another thread. It returns None if a closer look found a secret in the bytes.
    """

    media_type: str
    suffix: str
    write: Callable[[], bytes | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class DescribedArtifact:
    """Data, a model, an image, a document or another value, as it was when described.

    ``identity`` is ``sha256:<hex>`` of content that was wholly read, ``sample-sha256:<hex>`` of content that was
    sampled, a URI for a reference, or None where equal content would not mean the same data.
    ``properties`` are texts for people (type, shape, schema, preview); ``parameters`` belong to the thing itself
    (an estimator's), by dotted names.
    """

    name: str
    type: ArtifactType
    media_type: str | None = None
    identity: str | None = None
    location: str | None = None
    size_bytes: int | None = None
    properties: dict[str, str] = field(default_factory=dict[str, str])
    parameters: dict[str, Json] = field(default_factory=dict[str, Json])
    payload: Payload | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """A value's parameters, by dotted names, and its artifacts. Holds nothing secret and no user object."""

    parameters: dict[str, Json] = field(default_factory=dict[str, Json])
    artifacts: tuple[DescribedArtifact, ...] = ()
