"""The dialect on this process's own record: what is asked and answered at once goes to the store, what is logged
goes to the journal, as with ``Run``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

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
from plugin_core.errors import ConflictError, InvalidValueError, NotFoundError, StoreError
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
from plugin_core.model.components import Component
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.model.queries import ComponentQuery
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
            store = engine().store
            try:
                _describe(store, resource, name)
            except NotFoundError:
                store.write([_put(store, resource, name, members)])
            else:
                raise ConflictError(f"{resource.word} with name ({name}) already exists.")
        return _arn(resource, name)

    def describe(self, resource: Resource, name: str, /) -> Members:
        """See Records."""
        with refusing(f"Describe{resource.word}"):
            return _describe(engine().store, resource, name)

    def update(self, resource: Resource, members: Members, /) -> Members:
        """See Records."""
        name: str = members[resource.name_member]
        with refusing(f"Update{resource.word}"):
            store = engine().store
            _describe(store, resource, name)
            put = _put(store, resource, name, members)
            logged = _logged(name, members) if resource is TRIAL_COMPONENT else []
            store.write([put, *logged])
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
            engine().store.delete(NodeRef(_KINDS[resource], name), cascade=True)

    def delete_component(self, name: str, /) -> Members:
        """See Records."""
        with refusing("DeleteTrialComponent"):
            engine().store.delete(NodeRef(NodeKind.COMPONENT, name), cascade=True)
        return _arn(TRIAL_COMPONENT, name)

    def list(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """See Records."""
        with refusing(f"List{resource.word}s"):
            store = engine().store
            if resource is EXPERIMENT:
                return iter([m.experiment(each) for each in store.experiments()])
            if resource is TRIAL:
                return iter([m.trial_summary(each) for each in store.trials(experiment=request.get("ExperimentName"))])
            query = ComponentQuery(experiment=request.get("ExperimentName"), trial=request.get("TrialName"))
            return iter([m.component_summary(each) for each in store.components(query)])

    def search(self, resource: Resource, request: Members, /) -> Iterator[Members]:
        """See Records."""
        del request
        with refusing("Search"):
            raise InvalidValueError(f"{resource.word}s cannot be searched in this store yet.")

    def associate(self, trial: str, component: str, /) -> None:
        """See Records."""
        with refusing("AssociateTrialComponent"):
            store = engine().store
            found, home = store.component(component), store.trial(trial)
            store.write([PutComponent(at=now_us(), name=found.name, trial=home.name, experiment=home.experiment)])

    def disassociate(self, trial: str, component: str, /) -> None:
        """See Records."""
        with refusing("DisassociateTrialComponent"):
            raise InvalidValueError(f"{component} cannot be taken out of {trial} in this store yet.")

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
        """See Tracking."""
        return self.describe(TRIAL_COMPONENT, f"{job_name}{suffix}")

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


def _arn(resource: Resource, name: str) -> Members:
    return {f"{resource.word}Arn": m.arn_of(_KINDS[resource], name)}


def _describe(store: TrackingStore, resource: Resource, name: str) -> Members:
    if resource is EXPERIMENT:
        return m.experiment(store.experiment(name))
    if resource is TRIAL:
        return m.trial(store.trial(name))
    return next(_components(store, [store.component(name)]))


def _components(store: TrackingStore, found: list[Component]) -> Iterator[Members]:
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


def _put(store: TrackingStore, resource: Resource, name: str, members: Members) -> Change:
    at, shown = now_us(), members.get("DisplayName")
    tags = engine().redactor.tags(to_tags(members.get("Tags")))
    if resource is EXPERIMENT:
        return PutExperiment(at=at, name=name, display_name=shown, description=members.get("Description"), tags=tags)
    if resource is TRIAL:
        experiment = store.trial(name).experiment if "ExperimentName" not in members else members["ExperimentName"]
        return PutTrial(at=at, name=name, experiment=store.experiment(experiment).name, display_name=shown, tags=tags)
    return PutComponent(at=at, name=name, display_name=shown, tags=tags)


def _logged(name: str, members: Members) -> list[Change]:
    """What was logged of a component, as changes."""
    at, redact = now_us(), engine().redactor
    changes: list[Change] = []
    if parameters := members.get("Parameters"):
        values = {key: redact.parameter(key, m.from_parameter(value)) for key, value in parameters.items()}
        changes.append(SetParameters(at=at, component=name, parameters=values))
    for member, is_output in (("InputArtifacts", False), ("OutputArtifacts", True)):
        if entries := members.get(member):
            artifacts = {key: m.from_artifact(value, redact.text) for key, value in entries.items()}
            changes.append(SetArtifactValues(at=at, component=name, is_output=is_output, values=artifacts))
    if status := members.get("Status"):
        changes.append(_status(at, name, status, members))
    return changes


def _status(at: int, name: str, status: Members, members: Members) -> SetStatus:
    message = status.get("Message")
    reached = m.from_status(status.get("PrimaryStatus"))
    return SetStatus(
        at=at,
        component=name,
        status=reached,
        message=None if message is None else engine().redactor.text(message),
        started_at=to_micros(members.get("StartTime")),
        ended_at=to_micros(members.get("EndTime")),
        owner=None if reached.is_final else engine().journal.owner,
    )
