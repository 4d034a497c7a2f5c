"""What a run's plan says of its steps: of the plan at hand, or of the copy that Dagster keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dagster._core.execution.plan.step import UnresolvedMappedExecutionStep

from dagster_integration import _compat, translate

if TYPE_CHECKING:
    from dagster import AssetKey, JobDefinition
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.plan.state import KnownExecutionState, PastExecutionState

_NO_OUTPUTS: Final[Sequence[Any]] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a run. ``outputs`` of a step whose number shows only on the way stand under ``step[?]``.

    ``mapped`` says for such a step which output of which other decides on the number, ``dynamic`` the
    mapping keys of those that were made in an earlier run.
    """

    to_execute: tuple[str, ...]
    outputs: Mapping[str, Sequence[Any]]
    retries: Mapping[str, int] = field(default_factory=dict[str, int])
    dynamic: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict[tuple[str, str], tuple[str, ...]])
    past: PastExecutionState | None = None
    mapped: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    asset_of_input: Callable[[str, str], AssetKey | None] = lambda _step_key, _input: None

    def outputs_of(self, step_key: str) -> Sequence[Any]:
        """What a step is to make."""
        return self.outputs.get(step_key) or self.outputs.get(translate.unmapped(step_key), _NO_OUTPUTS)

    def reader(self, step_key: str) -> Any:
        """What a step reads assets for: the first asset or check that it makes."""
        keys = (
            each.properties and (each.properties.asset_key or each.properties.asset_check_key)
            for each in self.outputs_of(step_key)
        )
        return next((key for key in keys if key), None)

    def run_of(self, step_key: str) -> str | None:
        """The earlier run in which a step was executed that this run does not repeat."""
        past: Any = self.past
        while past is not None:
            if any(output.step_key == step_key for output in past.produced_outputs):
                return str(past.run_id)
            past = past.parent_state
        return None


def plan_of(plan: ExecutionPlan, job: JobDefinition) -> Plan:
    """The plan that is being worked off."""
    steps = plan.step_dict_by_key

    def asset_of_input(step_key: str, name: str) -> AssetKey | None:
        step = steps.get(step_key) or steps.get(translate.unmapped(step_key))
        return None if step is None else _compat.asset_key_of_input(job, step.node_handle, name)

    return Plan(
        tuple(plan.step_keys_to_execute),
        {key: step.step_outputs for key, step in steps.items()},
        **_known(plan.known_state),
        mapped={
            key: (step.resolved_by_step_key, step.resolved_by_output_name)
            for key, step in steps.items()
            if isinstance(step, UnresolvedMappedExecutionStep)
        },
        asset_of_input=asset_of_input,
    )


def _known(state: KnownExecutionState) -> dict[str, Any]:
    """What was known before the first step: of attempts and runs before."""
    return {
        "retries": dict(state.previous_retry_attempts),
        "dynamic": {
            (step, output): tuple(keys or ())
            for step, made in state.dynamic_mappings.items()
            for output, keys in made.items()
        },
        "past": state.parent_state,
    }
