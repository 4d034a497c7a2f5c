"""A component for Dagster's projects: the definitions of a Python file, recorded."""

from __future__ import annotations

import warnings
from pathlib import Path

from dagster import (
    Component,
    ComponentLoadContext,
    Definitions,
    Model,
    PreviewWarning,
    Resolvable,
    load_definitions_from_module,
)
from pydantic import Field

from dagster_integration.tracking import track


class FlowtrailComponent(Component, Resolvable, Model):
    """Records every run of the assets, checks and jobs that a Python file beside ``defs.yaml`` defines."""

    path: str = Field(default="definitions.py", description="The Python file, relative to defs.yaml.")
    experiment: str | None = Field(default=None, description="What runs of assets are recorded under.")

    def build_defs(self, context: ComponentLoadContext) -> Definitions:
        """Load the file's definitions and track them."""
        module = context.load_defs_relative_python_module(Path(self.path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PreviewWarning)  # what Dagster may change of this is for us to follow
            defs = load_definitions_from_module(module)
        return track(defs, experiment=self.experiment)
