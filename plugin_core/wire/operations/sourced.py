"""Actions and contexts are one shape: a type, a source, a description and properties. What one has alone, it adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from plugin_core.model.lineage import Action, Context, NodeKind, NodeRef
from plugin_core.wire import entities
from plugin_core.wire.operations import paging, properties
from plugin_core.wire.operations.naming import creating, name_of
from plugin_core.wire.registry import Answer
from plugin_core.wire.request import Request

if TYPE_CHECKING:
    from plugin_core.model.changes import Change
    from plugin_core.model.edits import Edit
    from plugin_core.model.queries import Listing
    from plugin_core.stores.protocol import TrackingStore

T = TypeVar("T", Action, Context)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sourced(Generic[T]):
    """One of the two kinds: AWS's word for it, the changes and queries of it, and what it alone shows of itself."""

    kind: NodeKind
    word: str
    put: Callable[..., Change]
    edit: Callable[..., Edit]
    query: Callable[..., Listing[T]]
    find: Callable[[TrackingStore, str], T]
    own: Callable[[T], Answer]

    def create(self, request: Request, **own: Any) -> Answer:
        """Refused where there is one of that name."""
        given, name = request.members, request.members[f"{self.word}Name"]
        change = self.put(
            at=request.at,
            name=name,
            type=given[f"{self.word}Type"],
            source_uri=given["Source"]["SourceUri"],
            description=given.get("Description"),
            properties=properties.given(given),
            tags=entities.tags_given(given),
            provenance=entities.provenance_given(given, request.caller.key_id),
            new=True,
            **own,
        )
        with creating(self.word, name):
            request.store.write([change])
        return self._arn(name)

    def found(self, request: Request) -> T:
        """The one that a request names, by its name or ARN."""
        return self.find(request.store, name_of(self.kind, request.members[f"{self.word}Name"]))

    def described(self, found: T) -> Answer:
        """All that both kinds are described with."""
        return entities.described(
            **self._known(found),
            Description=found.description,
            Properties=properties.shown(found.properties),
            LineageGroupArn=entities.LINEAGE_GROUP_ARN,
            **entities.times(found),
        )

    def update(self, request: Request, **own: Any) -> Answer:
        """Change what is given; properties are merged."""
        given, name = request.members, request.members[f"{self.word}Name"]
        edit = self.edit(
            at=request.at,
            name=name,
            description=given.get("Description"),
            properties=given.get("Properties", {}),
            removed_properties=tuple(given.get("PropertiesToRemove", ())),
            by=request.caller.key_id,
            **own,
        )
        request.store.write([edit])
        return self._arn(name)

    def delete(self, request: Request) -> Answer:
        """With its associations."""
        name = request.members[f"{self.word}Name"]
        request.store.delete(NodeRef(self.kind, name))
        return self._arn(name)

    def listed(self, request: Request) -> Answer:
        """Of a source, of a type."""
        uri, type_ = request.members.get("SourceUri"), request.members.get(f"{self.word}Type")
        page = paging.listed(request, self.query, source_uri=uri, type=type_, sort_by=paging.sort_of(request))
        return paging.answer(request, f"{self.word}Summaries", page, self.summary)

    def summary(self, found: T) -> Answer:
        """An entry of a listing."""
        return {**self._known(found), **entities.summary_times(found)}

    def _known(self, found: T) -> Answer:
        return entities.described(
            **{f"{self.word}Name": found.name, f"{self.word}Type": found.type},
            **self._arn(found.name),
            **self.own(found),
            Source=properties.source(found.source_uri, found.properties),
        )

    def _arn(self, name: str) -> Answer:
        return {f"{self.word}Arn": entities.arn_of(self.kind, name)}
