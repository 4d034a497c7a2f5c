"""Experiments: what trials belong to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from plugin_core.dialects.smexperiments.api_types import ExperimentSearchResult, ExperimentSummary, TrialSummary
from plugin_core.dialects.smexperiments.backend import EXPERIMENT
from plugin_core.dialects.smexperiments.naming import unique_name
from plugin_core.dialects.smexperiments.records import Holder
from plugin_core.dialects.smexperiments.search_expression import SearchExpression
from plugin_core.dialects.smexperiments.trial import Trial


class Experiment(Holder):
    """An experiment: made by ``create``, read by ``load``, found by ``list`` and ``search``.

    ``sagemaker_boto_client`` is the client to talk through; left out, the record is flowtrail's own.
    """

    _resource = EXPERIMENT
    _updated = ("experiment_name", "description", "display_name")
    _whole = "the experiment with its trials and trial components"

    experiment_name: str | None = None
    experiment_arn: str | None = None
    display_name: str | None = None
    description: str | None = None
    tags: list[dict[str, str]] | None = None

    @classmethod
    def load(cls, experiment_name: str, sagemaker_boto_client: Any = None) -> Experiment:
        """An experiment that exists."""
        return cls._load(sagemaker_boto_client, experiment_name)

    @classmethod
    def create(
        cls,
        experiment_name: str | None = None,
        description: str | None = None,
        tags: list[dict[str, str]] | None = None,
        sagemaker_boto_client: Any = None,
    ) -> Experiment:
        """Create an experiment; the name is needed, and refused if an experiment has it already."""
        return cls._create(sagemaker_boto_client, experiment_name=experiment_name, description=description, tags=tags)

    @classmethod
    def list(
        cls,
        created_before: dt.datetime | None = None,
        created_after: dt.datetime | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        sagemaker_boto_client: Any = None,
    ) -> Iterator[ExperimentSummary]:
        """Experiments, asked for as they are taken. ``sort_by`` is Name or CreationTime (the default, newest first)."""
        return cls._listed(
            sagemaker_boto_client,
            ExperimentSummary.from_boto,
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
    ) -> Iterator[ExperimentSearchResult]:
        """Experiments that meet an expression, all of them, asked for as they are taken.

        ``sort_by`` is a property, LastModifiedTime (newest first) by default. ``max_results`` is how many are asked
        for at a time.
        """
        return cls._found(
            sagemaker_boto_client,
            ExperimentSearchResult.from_boto,
            search_expression=search_expression,
            sort_by=sort_by,
            sort_order=sort_order,
            max_results=max_results,
        )

    def list_trials(
        self,
        created_before: dt.datetime | None = None,
        created_after: dt.datetime | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
    ) -> Iterator[TrialSummary]:
        """The experiment's trials, asked for as they are taken."""
        return Trial.list(
            experiment_name=self.experiment_name,
            created_before=created_before,
            created_after=created_after,
            sort_by=sort_by,
            sort_order=sort_order,
            sagemaker_boto_client=self.sagemaker_boto_client,
        )

    def create_trial(self, trial_name: str | None = None, trial_name_prefix: str = "SageMakerTrial") -> Trial:
        """Create a trial in this experiment, named or with a name made of a prefix, the time and four letters."""
        return Trial.create(
            trial_name=trial_name or unique_name(trial_name_prefix),
            experiment_name=self._name,
            sagemaker_boto_client=self.sagemaker_boto_client,
        )
