"""Trials: executions of an experiment, each with its trial components."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from plugin_core.dialects.smexperiments.api_types import TrialComponentSummary, TrialSearchResult, TrialSummary
from plugin_core.dialects.smexperiments.backend import TRIAL
from plugin_core.dialects.smexperiments.naming import unique_name
from plugin_core.dialects.smexperiments.records import Holder
from plugin_core.dialects.smexperiments.search_expression import SearchExpression
from plugin_core.dialects.smexperiments.trial_component import TrialComponent


class Trial(Holder):
    """A trial: made by ``create`` or ``Experiment.create_trial``, read by ``load``, found by ``list`` and ``search``.

    ``sagemaker_boto_client`` is the client to talk through; left out, the record is flowtrail's own.
    """

    _resource = TRIAL
    _updated = ("trial_name", "display_name")
    _whole = "the trial with its trial components"

    trial_name: str | None = None
    trial_arn: str | None = None
    experiment_name: str | None = None
    display_name: str | None = None
    tags: list[dict[str, str]] | None = None

    @classmethod
    def load(cls, trial_name: str, sagemaker_boto_client: Any = None) -> Trial:
        """A trial that exists."""
        return cls._load(sagemaker_boto_client, trial_name)

    @classmethod
    def create(
        cls,
        experiment_name: str,
        trial_name: str | None = None,
        sagemaker_boto_client: Any = None,
        trial_components: Iterable[Any] | None = None,
        tags: list[dict[str, str]] | None = None,
    ) -> Trial:
        """Create a trial in an experiment that exists, and enter trial components (see ``add_trial_component``)."""
        trial = cls._create(
            sagemaker_boto_client,
            trial_name=trial_name or unique_name("Trial"),
            experiment_name=experiment_name,
            tags=tags,
        )
        for component in trial_components or ():
            trial.add_trial_component(component)
        return trial

    @classmethod
    def list(
        cls,
        experiment_name: str | None = None,
        trial_component_name: str | None = None,
        created_before: dt.datetime | None = None,
        created_after: dt.datetime | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        sagemaker_boto_client: Any = None,
    ) -> Iterator[TrialSummary]:
        """Trials, of an experiment or with a trial component in them, asked for as they are taken.

        ``sort_by`` is Name or CreationTime (the default, newest first).
        """
        return cls._listed(
            sagemaker_boto_client,
            TrialSummary.from_boto,
            experiment_name=experiment_name,
            trial_component_name=trial_component_name,
            created_before=created_before,
            created_after=created_after,
            sort_by=sort_by,
            sort_order=sort_order,
        )

    @classmethod
    def search(
        cls,
        search_expression: SearchExpression | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        max_results: int | None = None,
        sagemaker_boto_client: Any = None,
    ) -> Iterator[TrialSearchResult]:
        """Trials that meet an expression, all of them, asked for as they are taken; see ``Experiment.search``."""
        return cls._found(
            sagemaker_boto_client,
            TrialSearchResult.from_boto,
            search_expression=search_expression,
            sort_by=sort_by,
            sort_order=sort_order,
            max_results=max_results,
        )

    def add_trial_component(self, tc: Any) -> None:
        """Enter a trial component: a Tracker, a TrialComponent, a TrialComponentSummary or a name.

        A component may be in several trials; one that is in this one already stays.
        """
        self._backend.associate(self._name, _component_name(tc))

    def remove_trial_component(self, tc: Any) -> None:
        """Take a trial component out: a Tracker, a TrialComponent, a TrialComponentSummary or a name."""
        self._backend.disassociate(self._name, _component_name(tc))

    def list_trial_components(
        self,
        created_before: dt.datetime | None = None,
        created_after: dt.datetime | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        max_results: int | None = None,
        next_token: str | None = None,
    ) -> Iterator[TrialComponentSummary]:
        """The trial's components, asked for as they are taken; see ``TrialComponent.list``."""
        return TrialComponent.list(
            trial_name=self.trial_name,
            created_before=created_before,
            created_after=created_after,
            sort_by=sort_by,
            sort_order=sort_order,
            max_results=max_results,
            next_token=next_token,
            sagemaker_boto_client=self.sagemaker_boto_client,
        )


def _component_name(given: Any) -> str:
    tracked = getattr(given, "trial_component", given)
    return str(getattr(tracked, "trial_component_name", tracked))
