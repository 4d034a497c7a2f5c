"""Every private name of Dagster that this package uses, and what is done where one is missing.

``create_executor`` is where every run gets what executes it, in the process that works it off;
``execute_core_compute`` is where every step's user code runs, in the process of the step, and
``core_dagster_event_sequence_for_step`` where its inputs are loaded and its outputs stored, too.
``build_external_execution_context_data`` makes what a Pipes process is told.
"""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dagster import (
        AssetKey,
        AssetSpec,
        DagsterEventType,
        DagsterInstance,
        DagsterRun,
        Definitions,
        JobDefinition,
        OpDefinition,
    )
    from dagster._core.definitions.dependency import NodeHandle
    from dagster._core.execution.context.system import StepExecutionContext

_log = logging.getLogger("flowtrail")

RUNS: Final = "dagster._core.execution.context_creation_job"
STEPS: Final = "dagster._core.execution.plan.execute_step"
STEP_EVENTS: Final = "dagster._core.execution.plan.execute_plan"
PIPES: Final = "dagster._core.pipes.utils"
NEEDS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    RUNS: {"create_executor": ("context_creation_data",)},
    STEPS: {"execute_core_compute": ("step_context", "inputs", "compute_fn", "compute_context")},
    STEP_EVENTS: {"core_dagster_event_sequence_for_step": ("step_context",)},
    PIPES: {"build_external_execution_context_data": ("context", "extras")},
}
_WITHOUT: Final[Mapping[str, str]] = {  # what is lost, or done instead
    RUNS: "runs are followed by the executors that executor definitions make",
    STEPS: "steps are recorded by the functions of their ops",
    STEP_EVENTS: "a remote step does not wait for its record",
    PIPES: "a Pipes process with an environment of its own is not told its run",
}
PARENT_RUN_TAG: Final = "dagster/parent_run_id"
ROOT_RUN_TAG: Final = "dagster/root_run_id"
BACKFILL_TAG: Final = "dagster/backfill"
PARTITION_TAG: Final = "dagster/partition"
RANGE_START_TAG: Final = "dagster/asset_partition_range_start"
RANGE_END_TAG: Final = "dagster/asset_partition_range_end"
INPUT_VERSION_TAG: Final = "dagster/input_data_version/"
INPUT_POINTER_TAG: Final = "dagster/input_event_pointer/"
DATA_VERSION_TAG: Final = "dagster/data_version"
CODE_VERSION_TAG: Final = "dagster/code_version"
_warned: set[str] = set()


def missing(module: ModuleType) -> list[str]:
    """The names that recording needs of a module, and that are not there or not what they were."""
    return [
        f"{module.__name__}.{name}"
        for name, parameters in NEEDS.get(module.__name__, {}).items()
        if not _is_as_expected(vars(module).get(name), parameters)
    ]


def absent() -> list[str]:
    """The modules that recording cannot do without, and that this Dagster does not have."""
    return [module for module in (RUNS, STEPS) if module not in sys.modules and not _exists(module)]


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # what it is in is gone
        return False


def _is_as_expected(function: Any, parameters: tuple[str, ...]) -> bool:
    if not inspect.isfunction(function):
        return False
    return tuple(inspect.signature(function).parameters) == parameters


def warn_missing(names: list[str]) -> None:
    """Say, once per process, what of this Dagster cannot be recorded."""
    if not _warned.issuperset(names):
        _warned.update(names)
        import dagster

        module, _, name = names[0].rpartition(".")
        lacking = f"{module}.{name}" if name else module
        _log.warning(
            "flowtrail does not know this Dagster (%s lacks %s): %s", dagster.__version__, lacking, _WITHOUT[module]
        )


def published() -> tuple[type[Any], type[Any]]:
    """The classes of executors' and of ops' definitions, also while Dagster is being imported."""
    from dagster._core.definitions.executor_definition import ExecutorDefinition
    from dagster._core.definitions.op_definition import OpDefinition

    return ExecutorDefinition, OpDefinition


def register_library() -> None:
    """Have Dagster tell its UI and its logs that this library is here, and its version."""
    from importlib.metadata import version

    from dagster_shared.libraries import DagsterLibraryRegistry

    DagsterLibraryRegistry.register("flowtrail", version("flowtrail"), is_dagster_package=False)


def signals() -> tuple[type[BaseException], ...]:
    """What Dagster stops user code with, from a signal handler."""
    from dagster._core.errors import DagsterExecutionInterruptedError

    return (DagsterExecutionInterruptedError,)


def location_of(run: DagsterRun) -> str | None:
    """The code location that a run was launched from, or the file or module that its definitions are in."""
    remote = run.remote_job_origin
    if remote is not None:
        return remote.repository_origin.code_location_origin.location_name
    local = run.job_code_origin
    if local is None:
        return None
    pointer = local.repository_origin.code_pointer
    source: str | None = getattr(pointer, "module", None) or getattr(pointer, "python_file", None)
    return source


def is_being_cancelled(instance: DagsterInstance, run_id: str) -> bool:
    """Whether somebody asked for the end of a run."""
    from dagster import DagsterRunStatus

    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in {DagsterRunStatus.CANCELING, DagsterRunStatus.CANCELED}


def will_resume(instance: DagsterInstance, run_id: str) -> bool:
    """Whether Dagster will go on with a run whose process was stopped."""
    return instance.run_will_resume(run_id)


def main_script() -> str | None:
    """The name of the script that this process runs, without folder and suffix."""
    source = getattr(sys.modules.get("__main__"), "__file__", None)
    return None if source is None else Path(source).stem


def with_asset_specs(defs: Definitions, change: Callable[[AssetSpec], AssetSpec]) -> Definitions:
    """The same definitions with other specs of their assets; old ways to say "source asset" stay as they are."""
    permissive = getattr(defs, "permissive_map_resolved_asset_specs", None)
    if permissive is not None:
        changed: Definitions = permissive(change, None)
        return changed
    from dagster import AssetsDefinition, AssetSpec

    known = all(isinstance(each, AssetsDefinition | AssetSpec) for each in defs.assets or ())
    return defs.map_asset_specs(func=change) if known else defs


def jobs_of(automation: Any) -> list[Any]:
    """The jobs that a schedule or sensor starts, as far as they are given to it as objects."""
    targets: Any = getattr(automation, "targets", None) or [getattr(automation, "target", None)]
    return [target.job_def for target in targets if getattr(target, "has_job_def", False)]


def observed_with(function: Any) -> Any:
    """Of what Dagster makes around a source asset's function, anew for each job, the user's function."""
    code = getattr(function, "__code__", None)
    if code is None or "observe_fn" not in code.co_freevars:
        return None
    return function.__closure__[code.co_freevars.index("observe_fn")].cell_contents


# The assets behind a step: these methods of a job's asset layer got new names in 1.12


def output_of_asset(job: JobDefinition, handle: NodeHandle, key: AssetKey | None) -> str | None:
    """The output of a node that an asset is; without a key, of its only one."""
    assets = _first_of(job.asset_layer, "get_assets_def_for_node", "assets_def_for_node")(handle)
    if assets is None:
        return None
    wanted = key if key is not None else next(iter(assets.keys)) if len(assets.keys) == 1 else None
    return None if wanted is None else str(assets.get_output_name_for_asset_key(wanted))


def asset_key_of_input(job: JobDefinition, handle: NodeHandle, name: str) -> AssetKey | None:
    """The asset that an input of a node is loaded from."""
    find = _first_of(job.asset_layer, "get_asset_key_for_node_input", "asset_key_for_input")
    key: AssetKey | None = find(handle, name)
    return key


def asset_graph_of(job: JobDefinition) -> Any:
    """The assets of a job, with those that they read, and how their partitions map."""
    return job.asset_layer.asset_graph


def _first_of(owner: Any, *names: str) -> Any:
    return next(found for name in names if (found := getattr(owner, name, None)) is not None)


# The versions of assets in an instance


def latest_version(instance: DagsterInstance, asset: AssetKey, *, until: int | None) -> str | None:
    """The data version of an asset, as it is now or was at event ``until``."""
    from dagster._core.definitions.data_version import extract_data_version_from_entry

    record = instance.get_latest_data_version_record(asset, before_cursor=None if until is None else until + 1)
    found = None if record is None else extract_data_version_from_entry(record.event_log_entry)
    return None if found is None else found.value


def versions_of_partitions(
    instance: DagsterInstance, asset: AssetKey, partitions: Sequence[str] | None, *, until: int | None
) -> dict[str, str | None]:
    """The data versions of an asset's partitions, of all without ``partitions``; as they were at event ``until``."""
    from dagster import DagsterEventType

    tags = instance.event_log_storage.get_latest_tags_by_partition(
        asset,
        DagsterEventType.ASSET_MATERIALIZATION,
        [DATA_VERSION_TAG],
        asset_partitions=partitions,
        before_cursor=None if until is None else until + 1,
    )
    return {partition: found.get(DATA_VERSION_TAG) for partition, found in tags.items()}


def partition_keys_of(run: DagsterRun, definition: Any) -> set[str]:
    """The partitions that a run is for, of a partitions definition."""
    from dagster import PartitionKeyRange

    start, end = run.tags.get(RANGE_START_TAG), run.tags.get(RANGE_END_TAG)
    if start is not None and end is not None:
        return set(definition.get_partition_keys_in_range(PartitionKeyRange(start, end)))
    partition = run.tags.get(PARTITION_TAG)
    return set() if partition is None else {partition}


def event_types(names: Iterable[str]) -> set[DagsterEventType]:
    """Kinds of events by name."""
    from dagster import DagsterEventType

    return {DagsterEventType(name) for name in names}


# A step


def partition_of(run: DagsterRun) -> str | None:
    """The partition that a run is for, or the first and last of several."""
    start, end = run.tags.get(RANGE_START_TAG), run.tags.get(RANGE_END_TAG)
    if start is not None and end is not None:
        return f"{start}...{end}"
    return run.tags.get(PARTITION_TAG)


def code_version_of(op: OpDefinition) -> str | None:
    """The version that the author gave the code of a step."""
    return getattr(op, "_version", None)  # its property warns that it will move


def config_defaults(op: OpDefinition) -> dict[str, Any]:
    """The defaults in an op's config schema, as they were written."""
    fields: Mapping[str, Any] = getattr(op.config_schema.config_type, "fields", None) or {}
    return {name: field.default_value for name, field in fields.items() if field.default_provided}


@dataclass(frozen=True, slots=True)
class MadeOutput:
    """An output among the things that user code yields or returns."""

    name: str
    value: Any
    mapping_key: str | None = None
    has_value: bool = True


def output_in(item: Any, context: StepExecutionContext) -> MadeOutput | None:
    """The output that user code has just made; None for events that are none."""
    dynamic, plain, materialized = _made_types()
    if isinstance(item, dynamic):
        return MadeOutput(item.output_name, item.value, item.mapping_key)
    if isinstance(item, plain):
        return MadeOutput(item.output_name, item.value)
    if isinstance(item, materialized):
        name = output_of_asset(context.job_def, context.node_handle, item.asset_key)
        value = getattr(item, "value", None)
        is_real = value is not None and type(value).__name__ != "NoValueSentinel" and value is not no_value()
        return None if name is None else MadeOutput(name, value, has_value=is_real)
    return None


@functools.cache
def _made_types() -> tuple[type[Any], type[Any], type[Any]]:
    """Imported once: to ask for each output takes longer than the answer."""
    from dagster import DynamicOutput, MaterializeResult, Output

    return DynamicOutput, Output, MaterializeResult


def current_step() -> StepExecutionContext | None:
    """The context of the step that this code is in; None outside of any."""
    from dagster import OpExecutionContext
    from dagster._core.errors import DagsterInvariantViolationError

    try:
        return OpExecutionContext.get().get_step_execution_context()
    except DagsterInvariantViolationError:
        return None


def as_outputs(value: Any, output: Any) -> list[Any]:
    """What was returned in the place of an output (its definition), as it would have been yielded."""
    from dagster import AssetCheckResult, DynamicOutput, Output
    from dagster._core.definitions.result import AssetResult

    if isinstance(value, (AssetResult, AssetCheckResult)):
        return [value]
    if output.is_dynamic:
        return [DynamicOutput(each.value, each.mapping_key, output_name=output.name) for each in value]
    return [Output(value.value if isinstance(value, Output) else value, output_name=output.name)]


def no_value() -> Any:
    """What stands for "no value" in a MaterializeResult, since None is one."""
    from dagster._core.definitions import result

    return getattr(result, "NoValueSentinel", None)
