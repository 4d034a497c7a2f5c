"""The API of ``smexperiments`` (sagemaker-experiments 0.1.45) on this record, or on a boto3 client that is given.

Modules and names are those that users import: ``experiment.Experiment``, ``trial.Trial``,
``trial_component.TrialComponent``, ``tracker.Tracker``, ``search_expression`` and ``api_types``.
"""

from plugin_core.dialects.smexperiments.experiment import Experiment
from plugin_core.dialects.smexperiments.search_expression import (
    BooleanOperator,
    Filter,
    NestedFilter,
    Operator,
    SearchExpression,
)
from plugin_core.dialects.smexperiments.tracker import Tracker
from plugin_core.dialects.smexperiments.training_job import TrainingJob
from plugin_core.dialects.smexperiments.trial import Trial
from plugin_core.dialects.smexperiments.trial_component import TrialComponent

__all__ = [
    "BooleanOperator",
    "Experiment",
    "Filter",
    "NestedFilter",
    "Operator",
    "SearchExpression",
    "Tracker",
    "TrainingJob",
    "Trial",
    "TrialComponent",
]
