"""Trial components: what was run, with its parameters, artifacts, metrics and status."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, Self

from plugin_core.dialects.smexperiments.api_types import (
    TrialComponentArtifact,
    TrialComponentMetricSummary,
    TrialComponentParameters,
    TrialComponentSearchResult,
    TrialComponentSource,
    TrialComponentStatus,
    TrialComponentSummary,
    TrialSummary,
)
from plugin_core.dialects.smexperiments.backend import TRIAL, TRIAL_COMPONENT, Members
from plugin_core.dialects.smexperiments.records import Record, to_camel
from plugin_core.dialects.smexperiments.search_expression import SearchExpression

_MERGED: Final = ("parameters", "input_artifacts", "output_artifacts")


class TrialComponent(Record):
    """A trial component: made by ``create`` or a Tracker, read by ``load``, found by ``list`` and ``search``.

    ``sagemaker_boto_client`` is the client to talk through; left out, the record is flowtrail's own.
    """

    _resource = TRIAL_COMPONENT
    _updated = (
        "trial_component_name",
        "display_name",
        "status",
        "start_time",
        "end_time",
        *_MERGED,
        "parameters_to_remove",
        "input_artifacts_to_remove",
        "output_artifacts_to_remove",
    )
    _parts: ClassVar = {
        "source": TrialComponentSource,
        "status": TrialComponentStatus,
        "parameters": TrialComponentParameters,
    }
    _collections: ClassVar = {
        "input_artifacts": TrialComponentArtifact,
        "output_artifacts": TrialComponentArtifact,
        "metrics": TrialComponentMetricSummary,
    }

    trial_component_name: str | None = None
    trial_component_arn: str | None = None
    display_name: str | None = None
    source: TrialComponentSource | None = None
    status: TrialComponentStatus | None = None
    start_time: dt.datetime | None = None
    end_time: dt.datetime | None = None
    creation_time: dt.datetime | None = None
    created_by: Any = None
    last_modified_time: dt.datetime | None = None
    last_modified_by: Any = None
    parameters: dict[str, Any] | None = None
    input_artifacts: dict[str, TrialComponentArtifact] | None = None
    output_artifacts: dict[str, TrialComponentArtifact] | None = None
    metrics: list[TrialComponentMetricSummary] | None = None
    parameters_to_remove: list[str] | None = None
    input_artifacts_to_remove: list[str] | None = None
    output_artifacts_to_remove: list[str] | None = None
    tags: list[dict[str, str]] | None = None

    _saved: Members

    def __init__(self, sagemaker_boto_client: Any, **kwargs: Any) -> None:
        super().__init__(sagemaker_boto_client, **kwargs)
        self._saved = {}

    def with_boto(self, boto_dict: Mapping[str, Any]) -> Self:
        """Take over the members of a boto3 answer."""
        super().with_boto(boto_dict)
        self._note_saved()
        return self

    def _note_saved(self) -> None:
        self._saved = self.to_boto({name: getattr(self, name) for name in self._updated})

    def _changes(self) -> Members:
        """What differs from what was read or saved last: another's newer value is not written back."""
        now = super()._changes()
        changed = {member: value for member, value in now.items() if value != self._saved.get(member)}
        for member in map(to_camel, _MERGED):
            if member in changed:
                changed[member] = _differing(changed[member], self._saved.get(member, {}))
        return {**changed, self._resource.name_member: self.trial_component_name}

    def _keep(self) -> bool:
        """Have what is new taken up at once; False if it is for ``save`` to send."""
        if not self._backend.keep(self._name, self._changes()):
            return False
        self._note_saved()
        return True

    def save(self) -> Any:
        """Write what was changed here since it was loaded or saved, and remove what the lists say; returns itself.

        What was not changed here is not sent, so that a value that another process has set meanwhile stays.
        """
        self.with_boto(self._backend.update(self._resource, self._changes()))
        for name in _MERGED:
            for removed in getattr(self, f"{name}_to_remove") or ():
                (getattr(self, name) or {}).pop(removed, None)
            setattr(self, f"{name}_to_remove", None)
        self._note_saved()
        return self

    def delete(self, force_disassociate: bool | None = None) -> Any:
        """Delete a component that is in no trial; with ``force_disassociate``, one that is in some, too."""
        if force_disassociate:
            return self.with_boto(self._backend.delete_component(self._name))
        return self.with_boto(self._backend.delete(self._resource, self._name))

    def list_trials(self) -> Iterator[TrialSummary]:
        """The trials that the component is in, asked for as they are taken."""
        request = {"TrialComponentName": self.trial_component_name}
        for members in self._backend.list(TRIAL, request):
            yield TrialSummary.from_boto(members)

    @classmethod
    def load(cls, trial_component_name: str, sagemaker_boto_client: Any = None) -> TrialComponent:
        """A trial component that exists."""
        return cls._load(sagemaker_boto_client, trial_component_name)

    @classmethod
    def create(
        cls,
        trial_component_name: str,
        display_name: str | None = None,
        tags: list[dict[str, str]] | None = None,
        sagemaker_boto_client: Any = None,
    ) -> TrialComponent:
        """Create a trial component; the name is refused if one has it already."""
        return cls._create(
            sagemaker_boto_client, trial_component_name=trial_component_name, display_name=display_name, tags=tags
        )

    @classmethod
    def list(
        cls,
        source_arn: str | None = None,
        created_before: dt.datetime | None = None,
        created_after: dt.datetime | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        sagemaker_boto_client: Any = None,
        trial_name: str | None = None,
        experiment_name: str | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> Iterator[TrialComponentSummary]:
        """Trial components, of a trial, an experiment or a source, all of them, asked for as they are taken.

        ``sort_by`` is Name or CreationTime (the default, newest first). ``max_results`` is how many are asked for
        at a time, ``next_token`` where to go on.
        """
        return cls._listed(
            sagemaker_boto_client,
            TrialComponentSummary.from_boto,
            source_arn=source_arn,
            created_before=created_before,
            created_after=created_after,
            sort_by=sort_by,
            sort_order=sort_order,
            trial_name=trial_name,
            experiment_name=experiment_name,
            max_results=max_results,
            next_token=next_token,
        )

    @classmethod
    def search(
        cls,
        search_expression: SearchExpression | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        max_results: int | None = None,
        sagemaker_boto_client: Any = None,
    ) -> Iterator[TrialComponentSearchResult]:
        """Trial components that meet an expression, all of them; see ``Experiment.search``.

        They can be sorted by a parameter or a metric, too: ``Metrics.accuracy.Max``.
        """
        return cls._found(
            sagemaker_boto_client,
            TrialComponentSearchResult.from_boto,
            search_expression=search_expression,
            sort_by=sort_by,
            sort_order=sort_order,
            max_results=max_results,
        )


def _differing(entries: Mapping[str, Any], saved: Mapping[str, Any]) -> Members:
    return {key: value for key, value in entries.items() if key not in saved or saved[key] != value}
