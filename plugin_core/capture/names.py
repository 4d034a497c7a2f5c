"""Names of executions and steps, derived from the orchestrator's ids alone: any process can name any of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

from plugin_core.capture.events import ExecutionKey, StepKey
from plugin_core.model import names
from plugin_core.tracking.carrier import RunAddress


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where runs are recorded: what a run's address says besides its names."""

    store: str | None = None
    blobs: str | None = None
    spool: str | None = None
    journal: str | None = None


_NOWHERE: Final = Place()


def address_of(key: ExecutionKey | StepKey, *, experiment: str | None = None, place: Place = _NOWHERE) -> RunAddress:
    """The names of the run that stands for an execution or a step; ``experiment`` overrides the flow's own name."""
    if isinstance(key, ExecutionKey):
        owner, trial = _home_of(key, experiment)
        run_name = _execution_run_name(key)
    else:
        owner, trial = _home_of(key.execution, experiment)
        run_name = names.step_run_name(key.step, key.step_id, attempt=key.attempt)
    return RunAddress(
        experiment=owner,
        trial=trial,
        run_name=run_name,
        component=names.component_name(owner, run_name),
        attempt=key.attempt,
        store=place.store,
        blobs=place.blobs,
        spool=place.spool,
        journal=place.journal,
    )


@functools.lru_cache(maxsize=256)
def _home_of(key: ExecutionKey, experiment: str | None) -> tuple[str, str]:
    """The names of the experiment and the trial that an execution and its steps belong to."""
    owner = names.slug(experiment or key.experiment)
    return owner, names.execution_trial_name(owner, key.execution_id)


def previous_attempt(key: ExecutionKey | StepKey, *, experiment: str | None = None) -> str | None:
    """The component of the attempt before, None for the first."""
    if key.attempt <= 1:
        return None
    earlier = (
        ExecutionKey(
            system=key.system,
            experiment=key.experiment,
            execution_id=key.execution_id,
            attempt=key.attempt - 1,
        )
        if isinstance(key, ExecutionKey)
        else StepKey(execution=key.execution, step=key.step, step_id=key.step_id, attempt=key.attempt - 1)
    )
    return address_of(earlier, experiment=experiment).component


def _execution_run_name(key: ExecutionKey) -> str:
    suffix = f"-a{key.attempt}" if key.attempt > 1 else ""
    return f"{names.id_suffix(key.execution_id)}{suffix}"
