"""An experiment of smexperiments, as its users write it: made, tracked, searched, and deleted as a whole."""

import json
import pathlib

from smexperiments.experiment import Experiment
from smexperiments.search_expression import Filter, Operator, SearchExpression
from smexperiments.tracker import Tracker
from smexperiments.trial import Trial
from smexperiments.trial_component import TrialComponent

experiment = Experiment.create(experiment_name="tree", description="first words")
trial = experiment.create_trial(trial_name="branch")
pathlib.Path("leaf.txt").write_text("green\n")
with Tracker.create(display_name="leaf", artifact_bucket="flowtrail") as tracker:
    tracker.log_parameter("depth", 3)
    tracker.log_output("place", "s3://flowtrail/leaf")
    tracker.log_output_artifact("leaf.txt", name="file")
trial.add_trial_component(tracker)
experiment.description = "second words"
experiment.save()

where = SearchExpression(filters=[Filter("Parameters.depth", Operator.EQUALS, "3")])
named = SearchExpression(filters=[Filter("ExperimentName", Operator.CONTAINS, "tre")])
read = {
    "component": tracker.trial_component.trial_component_name,
    "description": Experiment.load(experiment_name="tree").description,
    "trials": [summary.trial_name for summary in experiment.list_trials()],
    "components": [summary.display_name for summary in trial.list_trial_components()],
    "found": [component.display_name for component in TrialComponent.search(search_expression=where)],
    "named": [found.experiment_name for found in Experiment.search(search_expression=named)],
    "status": TrialComponent.load(tracker.trial_component.trial_component_name).status.primary_status,
}
try:
    experiment.delete()
except experiment.sagemaker_boto_client.exceptions.ClientError as error:
    read["refused"] = error.response["Error"]["Code"]

doomed = Experiment.create(experiment_name="doomed")
shared = TrialComponent.create(trial_component_name="doomed-component")
Trial.create(experiment_name="doomed", trial_name="doomed-trial", trial_components=[shared])
doomed.delete_all("--force")
print(json.dumps(read))
