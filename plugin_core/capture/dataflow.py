"""What goes into steps and comes out of them: arguments, results, what else they took or made, and the edges between.

Adds to the changes of the event that is being recorded, which its caller writes. Knows nothing of when steps run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from plugin_core.capture.events import Product
from plugin_core.capture.payloads import PayloadWriter
from plugin_core.capture.pieces import (
    PREVIEW_MAX,
    artifact_node,
    edge,
    node_of,
    preview_of,
    put_artifact,
    type_of_whole,
)
from plugin_core.model.changes import Change, PutArtifact, SetArtifactValues
from plugin_core.model.components import ArtifactValue
from plugin_core.model.lineage import ArtifactType, AssociationType
from plugin_core.model.metrics import Json
from plugin_core.redaction import Redactor
from plugin_core.tracking.carrier import RunAddress
from plugin_core.tracking.settings import Settings

if TYPE_CHECKING:
    from plugin_core.capture.values import DescribedArtifact, Description, Limits

_REMEMBERED_OUTPUTS: Final = 10_000


class Dataflow:
    """Describes the values of one process's steps, and remembers which content its results were."""

    def __init__(self, settings: Settings, redactor: Redactor, payloads: PayloadWriter) -> None:
        self._settings = settings
        self._redactor = redactor
        self._payloads = payloads
        self._limits: dict[str, Limits] = {}  # by level
        self._values: ModuleType | None = None  # imported on first need
        self._outputs: dict[str, tuple[str, ...]] = {}  # result URI -> content identities, of steps of this process

    # In

    def inputs(
        self,
        changes: list[Change],
        address: RunAddress,
        values: Mapping[str, Any],
        upstream: Mapping[str, tuple[str, ...]],
        level: str | None,
        parameters: dict[str, Json],
        *,
        at: int,
    ) -> None:
        """Record arguments; those that are parameters are added to ``parameters``, which the caller records."""
        entries: dict[str, ArtifactValue] = {}
        edges: list[Change] = []
        is_plain = self._plain_at(level)
        for name, value in values.items():
            if is_plain(name, value, self._redactor):
                parameters[name] = value
                if name in upstream:
                    self._upstream_of(edges, address, upstream[name], set(), at)
                continue
            described = self._describe(name, value, level)
            parameters.update(described.parameters)
            identities = self._input_artifacts(edges, address, described, entries, at, bool(upstream.get(name)))
            self._upstream_of(edges, address, upstream.get(name, ()), identities, at)
        if upstream:
            for name in upstream.keys() - values.keys():
                self._upstream_of(edges, address, upstream[name], set(), at)
        if entries:
            changes.append(SetArtifactValues(at=at, component=address.component, is_output=False, values=entries))
        changes += edges

    def _input_artifacts(
        self,
        changes: list[Change],
        address: RunAddress,
        described: Description,
        entries: dict[str, ArtifactValue],
        at: int,
        has_upstream: bool,
    ) -> set[str]:
        """Add what is known of an argument's artifacts; return the identities of their content."""
        identities: set[str] = set()
        for artifact in described.artifacts:
            if artifact.identity is None and has_upstream:
                continue  # the producing step's result stands for it
            uri = artifact.identity or f"flowtrail:{address.component}/input/{artifact.name}"
            identities.add(uri)
            entries[artifact.name] = ArtifactValue(value=uri, media_type=artifact.media_type)
            changes.append(put_artifact(artifact, uri, at))
            changes.append(edge(artifact_node(uri), node_of(address), AssociationType.CONTRIBUTED_TO, at))
            self._store(artifact, uri)
        return identities

    def _upstream_of(
        self, changes: list[Change], address: RunAddress, uris: tuple[str, ...], identities: set[str], at: int
    ) -> None:
        """Edges from the results that went into an argument, unless its content says the same already."""
        for uri in uris:
            known = self._outputs.get(uri, ())
            if any(content in identities for content in known):
                continue
            # Of a result of several parts it is not known which one went in: the result as a whole did.
            source = known[0] if len(known) == 1 else uri
            changes.append(edge(artifact_node(source), node_of(address), AssociationType.CONTRIBUTED_TO, at))

    def upstream(
        self, changes: list[Change], address: RunAddress, upstream: Mapping[str, tuple[str, ...]], *, at: int
    ) -> None:
        """Record which results went into a step whose arguments nobody saw."""
        for uris in upstream.values():
            self._upstream_of(changes, address, uris, set(), at)

    def reused(self, changes: list[Change], address: RunAddress, uri: str, name: str, *, at: int) -> None:
        """Record the earlier result that a step took instead of running."""
        changes.append(PutArtifact(at=at, source_uri=uri, type=ArtifactType.VALUE, name=f"{name} result"))
        changes.append(edge(artifact_node(uri), node_of(address), AssociationType.CONTRIBUTED_TO, at))

    # Out

    def outputs(
        self,
        changes: list[Change],
        address: RunAddress,
        name: str,
        value: Any,
        result_uris: tuple[str, ...],
        level: str | None,
        *,
        at: int,
        output_name: str = "result",
    ) -> None:
        """Record a result: its content where that has an identity, and the result itself under the step's URIs."""
        if value is None:
            return
        shown = f"{name} {output_name}"
        if self._plain_at(level)(output_name, value, self._redactor):
            preview = {"preview": repr(value)[:PREVIEW_MAX]}
            _add_results(changes, address, ArtifactType.VALUE, shown, preview, result_uris, output_name, at=at)
            return
        described = self._describe(output_name, value, level)
        contents = self._output_artifacts(changes, address, described, at)
        whole = not described.parameters and len(contents) == len(described.artifacts)
        kind = ArtifactType.VALUE if whole else type_of_whole(described)
        preview, output = preview_of(described, output_name), None if contents else output_name
        _add_results(changes, address, kind, shown, preview, result_uris, output, at=at)
        for uri in result_uris:
            self._remember_outputs(uri, contents, whole=whole)

    def _output_artifacts(
        self, changes: list[Change], address: RunAddress, described: Description, at: int
    ) -> list[str]:
        """Add what a result is by its content; return the identities of that."""
        entries: dict[str, ArtifactValue] = {}
        artifacts: list[Change] = []
        contents: list[str] = []
        for artifact in described.artifacts:
            if artifact.identity is None:
                continue
            contents.append(artifact.identity)
            entries[artifact.name] = ArtifactValue(value=artifact.identity, media_type=artifact.media_type)
            artifacts.append(put_artifact(artifact, artifact.identity, at))
            artifacts.append(edge(node_of(address), artifact_node(artifact.identity), AssociationType.PRODUCED, at))
            self._store(artifact, artifact.identity)
        if entries:
            changes.append(SetArtifactValues(at=at, component=address.component, is_output=True, values=entries))
        changes += artifacts
        return contents

    def _remember_outputs(self, uri: str, contents: list[str], *, whole: bool) -> None:
        if whole and contents:
            if len(self._outputs) >= _REMEMBERED_OUTPUTS:
                self._outputs.pop(next(iter(self._outputs)))
            self._outputs[uri] = tuple(contents)

    def products(
        self, changes: list[Change], address: RunAddress, products: Iterable[Product], *, made: bool, at: int
    ) -> None:
        """Record what a step made beside its result, or took beside its arguments."""
        entries: dict[str, ArtifactValue] = {}
        for product in products:
            uri = self._redactor.text(product.uri)
            entries[product.entry or product.name] = ArtifactValue(value=uri)
            properties = self._redactor.properties(product.properties)
            changes.append(
                PutArtifact(at=at, source_uri=uri, type=product.type, name=product.name, properties=properties)
            )
            changes.append(
                edge(node_of(address), artifact_node(uri), AssociationType.PRODUCED, at)
                if made
                else edge(artifact_node(uri), node_of(address), AssociationType.CONTRIBUTED_TO, at)
            )
            origins = map(self._redactor.text, product.derived_from)
            changes += [
                edge(artifact_node(origin), artifact_node(uri), AssociationType.DERIVED_FROM, at) for origin in origins
            ]
        if entries:
            changes.append(SetArtifactValues(at=at, component=address.component, is_output=made, values=entries))

    # Values

    def _plain_at(self, level: str | None) -> Callable[[str, Any, Redactor], bool]:
        """What tells whether a value is a parameter as it is, as most are."""
        if (level or self._settings.capture) == "off":
            return _never
        found: Callable[[str, Any, Redactor], bool] = (self._values or self._described()).is_plain
        return found

    def _describe(self, name: str, value: Any, level: str | None) -> Description:
        found: Description = self._described().describe(
            name, value, limits=self._limits_at(level), redactor=self._redactor
        )
        return found

    def _described(self) -> ModuleType:
        if self._values is None:
            from plugin_core.capture import values

            self._values = values
        return self._values

    def _limits_at(self, level: str | None) -> Limits:
        wanted = level or self._settings.capture
        if wanted not in self._limits:
            from plugin_core.capture.values import Limits

            self._limits[wanted] = Limits(level=wanted, max_bytes=self._settings.capture_max_bytes)
        return self._limits[wanted]

    def _store(self, artifact: DescribedArtifact, uri: str) -> None:
        if artifact.payload is not None:
            self._payloads.put(source_uri=uri, type=artifact.type, name=artifact.name, payload=artifact.payload)


def _never(_name: str, _value: Any, _redactor: Redactor) -> bool:
    return False


def _add_results(
    changes: list[Change],
    address: RunAddress,
    type: str,
    name: str,
    preview: dict[str, str],
    uris: tuple[str, ...],
    output: str | None,
    *,
    at: int,
) -> None:
    """What a step returned, under each of its URIs; the first of them is its ``output``, if one is."""
    for uri in uris:
        changes.append(
            PutArtifact(
                at=at,
                source_uri=uri,
                type=type,
                name=name,
                properties=preview,
                produced_by=address.component,
                output=output,
            )
        )
        output = None
