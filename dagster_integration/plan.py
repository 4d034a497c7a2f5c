"""What a run's plan says of its steps: of the plan at hand, or of the copy that Dagster keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dagster_integration import _compat, translate

if TYPE_CHECKING:
    from dagster import AssetKey, JobDefinition
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.plan.state import KnownExecutionState, PastExecutionState
    from dagster._core.snap import ExecutionPlanSnapshot

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
    paths: Mapping[str, str] = field(default_factory=dict[str, str])  # of nodes; only a stored plan has these two
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    asset_of_input: Callable[[str, str], AssetKey | None] = lambda _step_key, _input: None

    def outputs_of(self, step_key: str) -> Sequence[Any]:
        """What a step is to make."""
        return self.outputs.get(step_key) or self.outputs.get(translate.unmapped(step_key), _NO_OUTPUTS)

    def path_of(self, step_key: str) -> str:
        """The names of the nodes that lead to a step's op."""
        return (
            self.paths.get(step_key)
            or self.paths.get(translate.unmapped(step_key))
            or translate.without_mapping(step_key)
        )

    def tags_of(self, step_key: str) -> Mapping[str, str]:
        """The tags of a step's op."""
        return self.tags.get(step_key) or self.tags.get(translate.unmapped(step_key)) or {}

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
        mapped=_mapped((key, (each.source for each in step.step_inputs)) for key, step in steps.items()),
        asset_of_input=asset_of_input,
    )


def plan_of_snapshot(snapshot: ExecutionPlanSnapshot) -> Plan:
    """The plan of a past run. Of a check's input it is known what it is, of others' it stands in their events."""
    steps = {step.key: step for step in snapshot.steps}

    def asset_of_input(step_key: str, name: str) -> AssetKey | None:
        step = steps.get(step_key) or steps.get(translate.unmapped(step_key))
        checked = translate.checked_of(() if step is None else step.outputs)
        return next((key for key in checked if key.path[-1] == name), None)

    known = snapshot.initial_known_state
    return Plan(
        tuple(snapshot.step_keys_to_execute),
        {key: step.outputs for key, step in steps.items()},
        **({} if known is None else _known(known)),
        paths={key: step.node_handle_id for key, step in steps.items()},
        tags={key: step.tags or {} for key, step in steps.items()},
        mapped=_mapped((key, (each.source for each in step.inputs)) for key, step in steps.items()),
        asset_of_input=asset_of_input,
    )


def _mapped(sources: Iterable[tuple[str, Iterable[Any]]]) -> dict[str, tuple[str, str]]:
    """For each step whose number shows only on the way, the output that decides on it: one of its inputs tells."""
    return {
        key: (source.resolved_by_step_key, source.resolved_by_output_name)
        for key, each in sources
        if translate.is_unresolved(key)
        for source in each
        if hasattr(source, "resolved_by_step_key")
    }


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
