"""smexperiments' trackers inside Prefect's tasks, by the dialect."""

from plugin_core.dialects.smexperiments import Tracker, TrialComponent
from plugin_core.model.components import Status
from prefect_integration import tracked_flow, tracked_task


def test_a_tracker_in_a_task_logs_to_the_tasks_run(record):
    @tracked_task
    def fit(depth):
        with Tracker.load() as tracker:
            tracker.log_parameter("rate", 0.5)
            tracker.log_metric("loss", 0.25)
        return depth

    @tracked_flow
    def training():
        return fit(3)

    training()
    run = record.run("fit")

    assert (run.parameters["depth"], run.parameters["rate"]) == (3, 0.5)
    assert run.metrics["loss"].last == 0.25
    assert run.status is Status.COMPLETED
    assert TrialComponent.load(run.component_name).parameters["rate"] == 0.5
