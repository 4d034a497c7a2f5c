"""The dialect on this process's own record: what is asked and answered at once goes to the store, what is logged
goes to the journal, as with ``Run``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from plugin_core.dialects.smexperiments import members as m
from plugin_core.dialects.smexperiments.backend import (
    EXPERIMENT,
    TRIAL,
    TRIAL_COMPONENT,
    ArtifactUploader,
    LineageArtifactTracker,
    Members,
    MetricsWriter,
    Resource,
    TrackedComponent,
)
from plugin_core.dialects.smexperiments.refusals import refusing
from plugin_core.dialects.smexperiments.requests import to_listing, to_search
from plugin_core.errors import ConflictError, NotFoundError, StoreError
from plugin_core.model import names
from plugin_core.model.changes import (
    Change,
    PutComponent,
    PutExperiment,
    PutTrial,
    SetArtifactValues,
    SetParameters,
    SetStatus,
)
from plugin_core.model.components import ArtifactValue, Component
from plugin_core.model.edits import (
    AddToTrial,
    Edit,
    RemoveFromTrial,
    UpdateComponent,
    UpdateExperiment,
    UpdateTrial,
)
from plugin_core.model.experiments import Experiment, Trial
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.metrics import Json
from plugin_core.model.queries import Listing, Page
from plugin_core.stores.protocol import TrackingStore
from plugin_core.tracking.engine import engine, now_us
from plugin_core.tracking.values import to_micros, to_tags

_KINDS: Final = {EXPERIMENT: NodeKind.EXPERIMENT, TRIAL: NodeKind.TRIAL, TRIAL_COMPONENT: NodeKind.COMPONENT}
_KEPT_MEMBERS: Final = frozenset(
    {"TrialComponentName", "Parameters", "InputArtifacts", "OutputArtifacts", "Status", "StartTime", "EndTime"}
)


class EngineBackend:
    """A Backend on this process's engine and the store that is configured."""

    # Records

    def create(self, resource: Resource, members: Members, /) -> Members:
        """See Records."""
        with refusing(f"Create{resource.word}"):
            name = names.check_entity_name(resource.name_attribute, members.get(resource.name_member))
            try:
                engine().store.write([_new(resource, name, members)])
            except ConflictError as error:
                raise ConflictError(f"{resource.word} with name ({name}) already exists.") from error
        return _arn(resource, name)

    def describe(self, resource: Resource, name: str, /) -> Members:
        """See Records."""
        with refusing(f"Describe{resource.word}"):
            return _describe(engine().store, resource, name)

    def update(self, resource: Resource, members: Members, /) -> Members:
        """See Records."""
        name: str = members[resource.name_member]
        with refusing(f"Update{resource.word}"):
            engine().store.write([_edit(resource, name, members)])
        return _arn(resource, name)

    def delete(self, resource: Resource, name: str, /) -> Members:
        """See Records."""
        with refusing(f"Delete{resource.word}"):
            engine().store.delete(NodeRef(_KINDS[resource], name))
        return _arn(resource, name)

    def delete_all(self, resource: Resource, name: str, /, *, attempts: int) -> None:
        """See Records. It is one transaction, which is done or not: there is nothing to try again."""
        del attempts
        with refusing(f"Delete{resource.word}"):
            engine().store.delete(NodeRef(_KINDS[resource], name), cascade=True, shared=True)

    def delete_component(self, name: str, /) -> Members:
        """See Records."""
        with refusing("DeleteTrialComponent"):
            engine().store.delete(NodeRef(NodeKind.COMPONENT, name), cascade=True)
        return _arn(TRIAL_COMPONENT, name)

    def list(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """See Records."""
        operation = f"List{resource.word}s"
        with refusing(operation):
            query: Listing[Any] | None = to_listing(resource, request)
            _require_owners(engine().store, request)
        while query is not None:
            with refusing(operation):
                page: Page[Any] = engine().store.page(query)
            yield from map(_SUMMARIES[resource], page.items)
            query = None if page.next is None else replace(query, after=page.next)

    def search(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """See Records."""
        with refusing("Search"):
            query = to_search(resource, request)
        while query is not None:
            with refusing("Search"):
                store = engine().store
                page: Page[Any] = store.search(query)
            yield from _FOUND[resource](store, page.items)
            query = None if page.next is None else replace(query, after=page.next)

    def associate(self, trial: str, component: str, /) -> None:
        """See Records."""
        with refusing("AssociateTrialComponent"):
            engine().store.write([AddToTrial(at=now_us(), component=component, trial=trial)])

    def disassociate(self, trial: str, component: str, /) -> None:
        """See Records."""
        with refusing("DisassociateTrialComponent"):
            engine().store.write([RemoveFromTrial(at=now_us(), component=component, trial=trial)])

    # Tracking

    def begin(self, name: str, display_name: str | None, /) -> Members:
        """See Tracking. The name is new by its making, so that the store need not be asked, nor reachable."""
        with refusing("CreateTrialComponent"):
            names.check_entity_name(TRIAL_COMPONENT.name_attribute, name)
            key, value = names.RUN_SOURCE_TAG
            engine().record(PutComponent(at=now_us(), name=name, display_name=display_name, tags={key: value}))
        return {**_arn(TRIAL_COMPONENT, name), "TrialComponentName": name}

    def current(self) -> Members | None:
        """See Tracking. Where the store does not answer, the component can be logged to all the same."""
        from plugin_core.tracking.load import find_run

        run = find_run()
        if run is None:
            return None
        try:
            return _describe(engine().store, TRIAL_COMPONENT, run.component_name)
        except (StoreError, NotFoundError):
            return {**_arn(TRIAL_COMPONENT, run.component_name), "TrialComponentName": run.component_name}

    def of_job(self, job_name: str, suffix: str, /) -> Members:
        """See Tracking. A step is a job to clients of SageMaker, by the name that they know it by."""
        store = engine().store
        with refusing("DescribeTrialComponent"):
            try:
                found = store.component_of_job(job_name)
            except NotFoundError:
                found = store.component(f"{job_name}{suffix}")
            return next(_components(store, [found]))

    def keep(self, name: str, members: Members, /) -> bool:
        """See Tracking. After the return it survives this process."""
        if not _KEPT_MEMBERS.issuperset(members):
            return False
        if ("StartTime" in members or "EndTime" in members) and "Status" not in members:
            return False
        with refusing("UpdateTrialComponent"):
            engine().record(*_logged(name, members))
        return True

    def is_loggable(self, value: object, /) -> bool:
        """See Tracking. NaN and infinities are kept as they are."""
        del value
        return True

    def writers(self, component: TrackedComponent, /) -> tuple[MetricsWriter, ArtifactUploader, LineageArtifactTracker]:
        """See Tracking."""
        from plugin_core.dialects.smexperiments.engine_writers import EngineLineage, EngineMetrics, EngineUploader

        uploader = EngineUploader(component)
        return EngineMetrics(component), uploader, EngineLineage(component, uploader.facts)


_SUMMARIES: Final[dict[Resource, Callable[[Any], Members]]] = {
    EXPERIMENT: m.experiment_summary,
    TRIAL: m.trial_summary,
    TRIAL_COMPONENT: m.component_summary,
}


def _require_owners(store: TrackingStore, request: Members) -> None:
    """NotFoundError where things of an experiment, trial or component are asked for that does not exist."""
    for resource, find in (
        (EXPERIMENT, store.experiment),
        (TRIAL, store.trial),
        (TRIAL_COMPONENT, store.component),
    ):
        if (name := request.get(resource.name_member)) is not None:
            find(name)


def _arn(resource: Resource, name: str) -> Members:
    return {f"{resource.word}Arn": m.arn_of(_KINDS[resource], name)}


def _describe(store: TrackingStore, resource: Resource, name: str) -> Members:
    if resource is EXPERIMENT:
        return m.experiment(store.experiment(name))
    if resource is TRIAL:
        return m.trial(store.trial(name))
    return next(_components(store, [store.component(name)]))


def _components(store: TrackingStore, found: Sequence[Component]) -> Iterator[Members]:
    """All members of components, from one query for each kind of member."""
    ids = [component.id for component in found]
    parameters, metrics = store.parameters(ids), store.summaries(ids)
    inputs, outputs = store.artifact_values(ids, is_output=False), store.artifact_values(ids, is_output=True)
    for component in found:
        yield m.component(
            component,
            parameters=parameters[component.id],
            inputs=inputs[component.id],
            outputs=outputs[component.id],
            metrics=metrics[component.id].values(),
        )


def _found_experiments(_store: TrackingStore, found: Sequence[Experiment]) -> Iterator[Members]:
    for each in found:
        yield {**m.experiment(each), "Tags": m.to_tags(each.tags)}


def _found_trials(store: TrackingStore, found: Sequence[Trial]) -> Iterator[Members]:
    members = store.members([each.name for each in found])
    for each in found:
        summaries = [m.component_summary(component) for component in members[each.name]]
        yield {**m.trial(each), "Tags": m.to_tags(each.tags), "TrialComponentSummaries": summaries}


def _found_components(store: TrackingStore, found: Sequence[Component]) -> Iterator[Members]:
    ids = [component.id for component in found]
    tags, within = store.tags(ids), store.parents(ids)
    for component, members in zip(found, _components(store, found), strict=True):
        parents = [{"TrialName": trial, "ExperimentName": of} for trial, of in within[component.id].items()]
        yield {**members, "Tags": m.to_tags(tags[component.id]), "Parents": parents}


_FOUND: Final[dict[Resource, Callable[[TrackingStore, Any], Iterator[Members]]]] = {
    EXPERIMENT: _found_experiments,
    TRIAL: _found_trials,
    TRIAL_COMPONENT: _found_components,
}


def _new(resource: Resource, name: str, members: Members) -> Change:
    at, shown = now_us(), members.get("DisplayName")
    tags = engine().redactor.tags(to_tags(members.get("Tags")))
    if resource is EXPERIMENT:
        about = members.get("Description")
        return PutExperiment(at=at, name=name, display_name=shown, description=about, tags=tags, new=True)
    if resource is TRIAL:
        within = names.check_entity_name("experiment_name", members.get("ExperimentName"))
        return PutTrial(at=at, name=name, experiment=within, display_name=shown, tags=tags, new=True)
    return PutComponent(at=at, name=name, display_name=shown, tags=tags, new=True)


def _edit(resource: Resource, name: str, members: Members) -> Edit:
    at, shown = now_us(), members.get("DisplayName")
    if resource is EXPERIMENT:
        return UpdateExperiment(at=at, name=name, display_name=shown, description=members.get("Description"))
    if resource is TRIAL:
        return UpdateTrial(at=at, name=name, display_name=shown)
    status = members.get("Status", {})
    return UpdateComponent(
        at=at,
        name=name,
        display_name=shown,
        status=m.from_status(status.get("PrimaryStatus")) if status else None,
        status_message=_cleaned(status.get("Message")),
        started_at=to_micros(members.get("StartTime")),
        ended_at=to_micros(members.get("EndTime")),
        parameters=_parameters(members),
        removed_parameters=tuple(members.get("ParametersToRemove", ())),
        inputs=_artifacts(members, "InputArtifacts"),
        removed_inputs=tuple(members.get("InputArtifactsToRemove", ())),
        outputs=_artifacts(members, "OutputArtifacts"),
        removed_outputs=tuple(members.get("OutputArtifactsToRemove", ())),
    )


def _logged(name: str, members: Members) -> Iterator[Change]:
    """What was logged of a component, as changes."""
    at = now_us()
    if parameters := _parameters(members):
        yield SetParameters(at=at, component=name, parameters=parameters)
    for member, is_output in (("InputArtifacts", False), ("OutputArtifacts", True)):
        if artifacts := _artifacts(members, member):
            yield SetArtifactValues(at=at, component=name, is_output=is_output, values=artifacts)
    if status := members.get("Status"):
        reached = m.from_status(status.get("PrimaryStatus"))
        yield SetStatus(
            at=at,
            component=name,
            status=reached,
            message=_cleaned(status.get("Message")),
            started_at=to_micros(members.get("StartTime")),
            ended_at=to_micros(members.get("EndTime")),
            owner=None if reached.is_final else engine().journal.owner,
        )


def _parameters(members: Members) -> dict[str, Json]:
    redact = engine().redactor
    given: Members = members.get("Parameters", {})
    for name in given:
        names.check_key("parameter name", name, names.PARAMETER_NAME_MAX)
    return {name: redact.parameter(name, m.from_parameter(value)) for name, value in given.items()}


def _artifacts(members: Members, member: str) -> dict[str, ArtifactValue]:
    redact = engine().redactor
    given: Members = members.get(member, {})
    for name in given:
        names.check_key("artifact name", name, names.ARTIFACT_NAME_MAX)
    return {name: m.from_artifact(value, redact.text) for name, value in given.items()}


def _cleaned(text: str | None) -> str | None:
    return None if text is None else engine().redactor.text(text)
