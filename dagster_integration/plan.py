"""What a run's plan says of its steps: of the plan at hand, or of the copy that Dagster keeps of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dagster._core.execution.plan.step import UnresolvedMappedExecutionStep

from dagster_integration import translate

if TYPE_CHECKING:
    from dagster import AssetKey
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

    def outputs_of(self, step_key: str) -> Sequence[Any]:
        """What a step is to make."""
        return self.outputs.get(step_key) or self.outputs.get(translate.unmapped(step_key), _NO_OUTPUTS)

    def output_of(self, step_key: str, asset: AssetKey) -> str | None:
        """The output of a step that an asset is."""
        return next(
            (name for name, key in translate.assets_of(self.outputs_of(step_key)).items() if key == asset), None
        )

    def run_of(self, step_key: str) -> str | None:
        """The earlier run in which a step was executed that this run does not repeat."""
        past: Any = self.past
        while past is not None:
            if any(output.step_key == step_key for output in past.produced_outputs):
                return str(past.run_id)
            past = past.parent_state
        return None


def plan_of(plan: ExecutionPlan) -> Plan:
    """The plan that is being worked off."""
    outputs = {key: step.step_outputs for key, step in plan.step_dict_by_key.items()}
    mapped = {
        key: (step.resolved_by_step_key, step.resolved_by_output_name)
        for key, step in plan.step_dict_by_key.items()
        if isinstance(step, UnresolvedMappedExecutionStep)
    }
    return _plan(plan.step_keys_to_execute, outputs, plan.known_state, mapped)


def _plan(
    to_execute: Sequence[str],
    outputs: Mapping[str, Sequence[Any]],
    known: KnownExecutionState,
    mapped: Mapping[str, tuple[str, str]],
) -> Plan:
    return Plan(
        tuple(to_execute),
        outputs,
        dict(known.previous_retry_attempts),
        {
            (step, output): tuple(keys or ())
            for step, made in known.dynamic_mappings.items()
            for output, keys in made.items()
        },
        known.parent_state,
        mapped,
    )
