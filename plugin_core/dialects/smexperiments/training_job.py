"""Training jobs, to search for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plugin_core.dialects.smexperiments.api_types import TrainingJobSearchResult
from plugin_core.dialects.smexperiments.backend import TRAINING_JOB
from plugin_core.dialects.smexperiments.records import Record
from plugin_core.dialects.smexperiments.search_expression import SearchExpression


class TrainingJob(Record):
    """SageMaker's training jobs. flowtrail's own record has none: there, a search finds nothing."""

    _resource = TRAINING_JOB

    @classmethod
    def search(
        cls,
        search_expression: SearchExpression | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        max_results: int | None = None,
        sagemaker_boto_client: Any = None,
    ) -> Iterator[TrainingJobSearchResult]:
        """Training jobs that meet an expression, asked for as they are taken; see ``Experiment.search``."""
        return cls._found(
            sagemaker_boto_client,
            TrainingJobSearchResult.from_boto,
            search_expression=search_expression,
            sort_by=sort_by,
            sort_order=sort_order,
            max_results=max_results,
        )
