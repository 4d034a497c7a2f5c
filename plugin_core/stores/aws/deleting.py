"""Deletes, in AWS's steps: what belongs to a thing goes before it, its edges too. None of it can be taken back."""

from __future__ import annotations

from collections.abc import Iterable

from plugin_core.errors import ConflictError, NotFoundError
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores.aws import nodes
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.fetching import Fetching
from plugin_core.stores.aws.graph import Graph
from plugin_core.stores.aws.searching import Searching, marked
from plugin_core.stores.aws.state import ComponentState
from plugin_core.stores.aws.writing import Writing


class Deleting:
    """Deletes; for one thread at a time."""

    def __init__(self, calls: Calls, fetching: Fetching, searching: Searching, graph: Graph, writing: Writing) -> None:
        self._calls, self._fetching, self._searching, self._graph = calls, fetching, searching, graph
        self._writing = writing

    def delete(self, ref: NodeRef, *, cascade: bool, shared: bool) -> None:
        """See ExperimentStore.delete."""
        self._fetching.described(ref)
        if ref.kind is NodeKind.EXPERIMENT:
            self._experiment(ref, cascade=cascade, shared=shared)
        elif ref.kind is NodeKind.TRIAL:
            self._trial(ref.key, {ref.key.casefold()}, cascade=cascade, shared=shared)
        elif ref.kind is NodeKind.COMPONENT:
            self._component(ref.key, cascade=cascade)
        else:
            self._node(ref)

    def _experiment(self, ref: NodeRef, *, cascade: bool, shared: bool) -> None:
        trials = [
            str(each["TrialName"])
            for each in self._calls.pages("list_trials", "TrialSummaries", ExperimentName=ref.key)
        ]
        at_home = [each for each in self._at_home(ref.key) if not each.parents]
        if (trials or at_home) and not cascade:
            raise _in_use(ref, f"has {len(trials) + len(at_home)} others that belong to it")
        going = {trial.casefold() for trial in trials}
        for trial in trials:
            self._trial(trial, going, cascade=True, shared=shared)
        for component in at_home:
            self._component(component.name, cascade=True)
        self._node(ref)

    def _at_home(self, experiment: str) -> Iterable[ComponentState]:
        filter_ = marked("experiment", experiment)
        found = self._searching.components(None if filter_ is None else {"Filters": [filter_]})
        return [each for each in found if each.facts.get("experiment", "").casefold() == experiment.casefold()]

    def _trial(self, trial: str, going: set[str], *, cascade: bool, shared: bool) -> None:
        members = [
            str(each["TrialComponentName"])
            for each in self._calls.pages("list_trial_components", "TrialComponentSummaries", TrialName=trial)
        ]
        if members and not cascade:
            raise _in_use(NodeRef(NodeKind.TRIAL, trial), f"has {len(members)} others that belong to it")
        for member in members:
            stays = any(other.casefold() not in going for other in self._fetching.parents_of(member))
            if stays and not shared:
                self._writing.leave(member, trial)
            else:
                self._component(member, cascade=True)
        self._calls("delete_trial", TrialName=trial)

    def _component(self, name: str, *, cascade: bool) -> None:
        trials = list(self._fetching.parents_of(name))
        if trials and not cascade:
            raise _in_use(NodeRef(NodeKind.COMPONENT, name), f"is in {len(trials)} trials")
        for trial in trials:
            self._calls("disassociate_trial_component", TrialComponentName=name, TrialName=trial)
        self._node(NodeRef(NodeKind.COMPONENT, name))

    def _node(self, ref: NodeRef) -> None:
        """A node that nothing belongs to, with its edges."""
        if ref.kind is not NodeKind.TRIAL:
            for edge in [*self._graph.edges(source=ref), *self._graph.edges(destination=ref)]:
                self._disjoin(edge.source, edge.destination)
        word = nodes.WORDS[ref.kind]
        if ref.kind is NodeKind.ARTIFACT:
            self._calls("delete_artifact", ArtifactArn=self._fetching.artifact_arn(ref.key))
            self._fetching.forget(ref.key)
        else:
            operation = "delete_trial_component" if ref.kind is NodeKind.COMPONENT else f"delete_{word.lower()}"
            self._calls(operation, **{f"{word}Name": ref.key})

    def _disjoin(self, source: NodeRef, destination: NodeRef) -> None:
        try:
            self._calls(
                "delete_association",
                SourceArn=self._fetching.arn(source),
                DestinationArn=self._fetching.arn(destination),
            )
        except NotFoundError:
            return  # edges of several types go in one call

    def disassociate(self, source: NodeRef, destination: NodeRef, type_: str | None) -> None:
        """Delete edges. AWS deletes those of all types: the others are made again."""
        between = self._graph.edges(source=source, destination=destination)
        if not any(type_ in {None, edge.type} for edge in between):
            raise NotFoundError("association", f"{source.key} -> {destination.key}")
        self._disjoin(source, destination)
        for kept in (edge.type for edge in between if type_ not in {None, edge.type}):
            self._calls(
                "add_association",
                SourceArn=self._fetching.arn(source),
                DestinationArn=self._fetching.arn(destination),
                AssociationType=kept,
            )


def _in_use(ref: NodeRef, what: str) -> ConflictError:
    return ConflictError(
        f"{ref.kind} {ref.key!r} {what}.", kind=str(ref.kind), name=ref.key, hint="Use cascade=True to delete all."
    )
