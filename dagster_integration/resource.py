"""Where to record, as a Dagster resource; ops and assets that take it read the record through it."""

from __future__ import annotations

from typing import Any

from dagster import ConfigurableResource, EnvVar, InitResourceContext
from pydantic import Field

from plugin_core.tracking.listing import RunList, list_runs
from plugin_core.tracking.load import find_run, load_run
from plugin_core.tracking.run import Run
from plugin_core.tracking.settings import configure


class FlowtrailResource(ConfigurableResource[Any]):
    """Where to record, and how much; what is left out stays as the settings say.

    In a ``Definitions`` that is tracked it takes effect when that is loaded, in each process that does so;
    else when it is initialised, unless a run is being recorded by then. What it holds is never recorded.
    """

    store: str | None = Field(default=None, description="The store's URL, for example sqlite:////srv/record.db.")
    blobs: str | None = Field(default=None, description="Where files are kept; beside the store if left out.")
    ui_url: str | None = Field(default=None, description="The address of the pages that show the record.")
    dagster_url: str | None = Field(default=None, description="The address of Dagster's own pages.")
    experiment: str | None = Field(default=None, description="Record everything into this experiment.")
    capture: str | None = Field(default=None, description="How much of values is recorded: off, params, meta or full.")

    def activate(self) -> None:
        """Record as the resource says, from now on, in this process. SettingsError."""
        given = {name: _text(getattr(self, name)) for name in type(self).model_fields}
        configure(**{name: value for name, value in given.items() if value is not None})

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Dagster initialises the resource, in a process that is about to use it."""
        del context
        if find_run() is None:  # else its steps would be recorded elsewhere than the run that they are in
            self.activate()

    @property
    def run(self) -> Run:
        """The run of the step that asks. NoActiveRunError."""
        return load_run()

    def list_runs(self, experiment_name: str, **options: Any) -> RunList:
        """The runs of an experiment, as ``plugin_core.list_runs`` gives them. NotFoundError."""
        return list_runs(experiment_name, **options)


def _text(value: str | None) -> str | None:
    return value.get_value() if isinstance(value, EnvVar) else value
