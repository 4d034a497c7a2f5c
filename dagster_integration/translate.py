"""Dagster's objects -> capture's events. Pure: reads what it is given, asks nobody, changes nothing.

The only module of this package that speaks of executions and steps as capture does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from dagster_integration import _compat, links
from dagster_integration.marks import mark_of_job, tag_of
from plugin_core.capture.events import (
    ExecutionFinished,
    ExecutionKey,
    ExecutionStarted,
    Product,
    StepFinished,
    StepKey,
    StepOutput,
    StepStarted,
)
from plugin_core.model.components import Kind, Status
from plugin_core.model.lineage import ArtifactType

if TYPE_CHECKING:
    from dagster import (
        AssetCheckEvaluation,
        AssetKey,
        AssetMaterialization,
        AssetObservation,
        DagsterEvent,
        DagsterRun,
        JobDefinition,
        OpDefinition,
    )
    from dagster._core.execution.context.system import StepExecutionContext
    from dagster_shared.error import SerializableErrorInfo

    from dagster_integration.stored_job import StoredOp

SYSTEM: Final = "dagster"
TERMINATED: Final = "The run was terminated."  # somebody asked for it
INTERRUPTED: Final = "The run was interrupted."  # its worker was told to stop, and nobody knows why
_OWN: Final = ("flowtrail/", "dagster/", ".dagster/")  # tags and metadata that are bookkeeping
_MAPPING: Final = re.compile(r"\[([^\]]*)\]$")
_ANONYMOUS: Final = "__"  # jobs that Dagster names by itself
_PROPERTY_MAX: Final = 1024
_METRICS_MAX: Final = 200  # materializations of one step whose numbers become metrics; all stand by the artifacts


# Keys


def run_key(run: DagsterRun, job: JobDefinition) -> ExecutionKey:
    """The key of a Dagster run."""
    mark = mark_of_job(job)
    given = None if mark is None else mark.experiment
    return _run_key(run, experiment_of(run, given) or _compat.main_script())


def past_run_key(run: DagsterRun, recorded_under: str | None) -> ExecutionKey:
    """The key of a past run, of which no definition is at hand."""
    return _run_key(run, recorded_under or experiment_of(run, None))


def _run_key(run: DagsterRun, experiment: str | None) -> ExecutionKey:
    return ExecutionKey(system=SYSTEM, experiment=experiment or "assets", execution_id=run.run_id)


def experiment_of(run: DagsterRun, given: str | None) -> str | None:
    """What a run is recorded under: its job, or where Dagster made the job up, a given name or its code location."""
    named = run.tags.get(links.EXPERIMENT_KEY)
    if named:
        return named
    if not run.job_name.startswith(_ANONYMOUS):
        return run.job_name
    return given or _short(_compat.location_of(run))


def experiment_to_tell(run: DagsterRun, key: ExecutionKey) -> str | None:
    """The experiment of a run where that does not follow from the run itself: who reads it later must be told."""
    return None if experiment_of(run, None) == key.experiment else key.experiment


def _short(location: str | None) -> str | None:
    """A file's name without folder and suffix; of a module or a named location all."""
    if location is None:
        return None
    return PurePath(location).stem if location.endswith(".py") else location


def step_key_of(execution: ExecutionKey, step_key: str, attempt: int) -> StepKey:
    """The key of an attempt of a step, from its key in Dagster (``graph.op[mapping key]``)."""
    return StepKey(
        execution=execution,
        step=without_mapping(step_key),
        step_id=f"{execution.execution_id}/{step_key}",
        attempt=attempt,
    )


def step_key(context: StepExecutionContext, execution: ExecutionKey | None) -> StepKey:
    """The key of the attempt that a step's context belongs to; ``execution`` is that of its run, where it is known."""
    known = execution or run_key(context.dagster_run, context.job_def)
    return step_key_of(known, context.step.key, context.previous_attempt_count + 1)


def mapping_key_of(step_key: str) -> str | None:
    """The mapping key of a step that works on one of several dynamic outputs."""
    found = _MAPPING.search(step_key)
    return None if found is None else found.group(1)


def unmapped(step_key: str) -> str:
    """What stands in the plan for a step that works on one of several dynamic outputs."""
    return _MAPPING.sub("[?]", step_key)


def is_unresolved(step_key: str) -> bool:
    """Whether a key of the plan stands for steps whose number shows only on the way."""
    return step_key.endswith("[?]")


def mapped(step_key: str, mapping_key: str) -> str:
    """The key of the step that works on one of several dynamic outputs, from what stands for it in the plan."""
    return f"{step_key.removesuffix('[?]')}[{mapping_key}]"


def without_mapping(step_key: str) -> str:
    """A step's key without that of a dynamic output."""
    return _MAPPING.sub("", step_key)


# Names of results


def output_uri(run_id: str, step_key: str, output: str, mapping_key: str | None = None) -> str:
    """What names the output of a step, for all that use it."""
    return "/".join(["dagster:run", run_id, step_key, output, *([] if mapping_key is None else [mapping_key])])


def asset_uri(key: AssetKey, *, version: str | None, partition: str | None = None) -> str:
    """What names one version of an asset, or of one of its partitions."""
    path = "/".join(quote(part, safe="") for part in key.path)
    where = "" if partition is None else f"?partition={quote(partition, safe='')}"
    return f"dagster:asset/{path}{where}" + ("" if version is None else f"#{version}")


# Values


def parameters_of(run: DagsterRun) -> dict[str, Any]:
    """The config of a run's ops and its inputs as they were written; never what resources were given."""
    found: dict[str, Any] = {}
    _collect(run.run_config.get("ops"), "", found)
    _collect_inputs(run.run_config.get("inputs"), found)
    return found


def _collect(ops: Any, prefix: str, found: dict[str, Any]) -> None:
    for name, entry in (ops if isinstance(ops, Mapping) else {}).items():
        if isinstance(entry, Mapping):
            for field, value in _fields(entry.get("config")).items():
                found[".".join(filter(None, (f"{prefix}{name}", field)))] = value
            _collect(entry.get("ops"), f"{prefix}{name}.", found)


def _collect_inputs(inputs: Any, found: dict[str, Any]) -> None:
    for name, value in (inputs if isinstance(inputs, Mapping) else {}).items():
        found[str(name)] = written(value.get("value", value) if isinstance(value, Mapping) else value)


def step_parameters(run: DagsterRun, path: Iterable[str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a step as it was written in the run's config, and the defaults of what was not."""
    entry: Any = {"ops": run.run_config.get("ops")}
    for name in path:
        ops = entry.get("ops") if isinstance(entry, Mapping) else None
        entry = ops.get(name) if isinstance(ops, Mapping) else None
    config = entry.get("config") if isinstance(entry, Mapping) else None
    return {**defaults, **_fields(config)}


def _fields(config: Any) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, Mapping) and set(config) != {"env"}:
        return {str(name): written(value) for name, value in config.items()}
    return {"config": written(config)}


def written(value: Any) -> Any:
    """A config value as its author wrote it: a reference to the environment stays one."""
    if isinstance(value, Mapping):
        if set(value) == {"env"}:
            return f"env:{value['env']}"
        return {str(name): written(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [written(inner) for inner in value]
    return value


def tags_of(tags: Mapping[str, str]) -> dict[str, str | None]:
    """The tags that users set, and that of a backfill, which groups its runs."""
    kept = {key: value for key, value in tags.items() if not key.startswith(_OWN)}
    backfill = tags.get(_compat.BACKFILL_TAG)
    return {**kept, **({_compat.BACKFILL_TAG: backfill} if backfill else {})}


# Events of a run


def run_started(
    key: ExecutionKey, *, run: DagsterRun, at: datetime, url: str | None, parent_experiment: str | None = None
) -> ExecutionStarted:
    """A Dagster run begins to be worked off. What it executes again was recorded under ``parent_experiment``."""
    parent = run.parent_run_id
    return ExecutionStarted(
        key=key,
        name=run.job_name if not run.job_name.startswith(_ANONYMOUS) else key.experiment,
        at=at,
        kind=Kind.JOB,
        parameters=parameters_of(run),
        retry_of=None
        if parent is None
        else ExecutionKey(system=SYSTEM, experiment=parent_experiment or key.experiment, execution_id=parent),
        tags=tags_of(run.tags),
        properties=_run_properties(run),
        url=url,
        capture=run.tags.get("flowtrail/capture"),
    )


def _run_properties(run: DagsterRun) -> dict[str, str]:
    found = {
        "dagster_job": run.job_name,
        "dagster_run_id": run.run_id,
        "dagster_parent_run_id": run.parent_run_id,
        "dagster_root_run_id": run.root_run_id,
        "dagster_backfill": run.tags.get(_compat.BACKFILL_TAG),
        "dagster_partition": run.tags.get(_compat.PARTITION_TAG),
        "dagster_location": _compat.location_of(run),
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def outcome_of(failed: Iterable[str]) -> tuple[Status, str | None]:
    """What becomes of a run whose steps are all through, by those that failed."""
    names = ", ".join(failed)
    return (Status.FAILED, f"Steps failed: {names}.") if names else (Status.COMPLETED, None)


def run_finished(
    key: ExecutionKey, *, status: Status, at: datetime, message: str | None = None, inferred: bool = False
) -> ExecutionFinished:
    """A Dagster run has ended, as far as the process that works it off can tell."""
    return ExecutionFinished(key=key, at=at, status=status, message=message, inferred=inferred)


# Events of a step


def assets_of(outputs: Iterable[Any]) -> dict[str, AssetKey]:
    """The assets among a planned step's outputs, by the output's name."""
    return {each.name: key for each in outputs if (key := each.properties and each.properties.asset_key) is not None}


def step_name(step_key: str, outputs: Iterable[Any]) -> str:
    """What a step is called: the asset that it makes, if that is all it could make, else its key."""
    made = _not_checks(outputs)
    assets = assets_of(made)
    one = len(made) == len(assets) == 1 and mapping_key_of(step_key) is None
    return next(iter(assets.values())).to_user_string() if one else step_key


def checked_of(outputs: Iterable[Any]) -> list[AssetKey]:
    """The assets that a planned step's outputs are checks of."""
    keys = [each.properties and each.properties.asset_check_key for each in outputs]
    return [key.asset_key for key in keys if key is not None]


def _not_checks(outputs: Iterable[Any]) -> list[Any]:
    return [each for each in outputs if not (each.properties and each.properties.asset_check_key)]


def kind_of(outputs: Iterable[Any]) -> Kind:
    """Whether a step makes assets or is an op of a job."""
    return Kind.ASSET if assets_of(outputs) else Kind.OP


def step_started(
    context: StepExecutionContext,
    key: StepKey,
    *,
    inputs: Mapping[str, Any],
    at: datetime,
    url: str | None,
    supervised: bool,
) -> StepStarted:
    """The user code of a step begins."""
    op = context.op  # looked up in the job's graphs each time
    parameters = step_parameters(context.dagster_run, context.node_handle.path, _compat.config_defaults(op.definition))
    clashing = parameters.keys() & inputs.keys()
    given = {f"config.{name}" if name in clashing else name: value for name, value in parameters.items()}
    return StepStarted(
        key=key,
        name=step_name(context.step.key, context.step.step_outputs),
        at=at,
        kind=kind_of(context.step.step_outputs),
        inputs={**given, **inputs},
        tags=tags_of(op.tags),
        properties=_step_properties(context, op.definition),
        url=url,
        supervised=supervised,
        capture=capture_of(op.definition, context.dagster_run),
    )


def capture_of(op: OpDefinition, run: DagsterRun) -> str | None:
    """How much of a step is recorded, where its op or its run say so."""
    return tag_of(op, "capture") or run.tags.get("flowtrail/capture")


def _step_properties(context: StepExecutionContext, op: OpDefinition) -> dict[str, str]:
    version = _compat.code_version_of(op)
    return {
        **properties_of_step(context.dagster_run, context.step.key, op.name),
        **({} if version is None else {"code_version": version}),
    }


def properties_of_step(run: DagsterRun, step_key: str, op: str) -> dict[str, str]:
    """What Dagster knows a step by."""
    found = {
        "dagster_op": op,
        "dagster_step_key": step_key,
        "dagster_mapping_key": mapping_key_of(step_key),
        "dagster_partition": _compat.partition_of(run),
    }
    return {name: value for name, value in found.items() if value is not None}


def past_step_started(
    key: StepKey,
    *,
    run: DagsterRun,
    step_key: str,
    op: StoredOp,
    outputs: Sequence[Any],
    tags: Mapping[str, str],
    at: datetime,
    url: str | None,
) -> StepStarted:
    """A step began, in the past: of its inputs only the config is known."""
    path = without_mapping(step_key).split(".")
    return StepStarted(
        key=key,
        name=step_name(step_key, outputs),
        at=at,
        kind=kind_of(outputs),
        inputs=step_parameters(run, path, op.config_defaults),
        tags=tags_of(tags),
        properties=properties_of_step(run, step_key, op.name),
        url=url,
        supervised=True,
        capture=tags.get("flowtrail/capture") or run.tags.get("flowtrail/capture"),
    )


def past_outputs(key: StepKey, step_key: str, data: Any, outputs: Iterable[Any]) -> list[Product]:
    """An output that a step made in the past, if it is not an asset or a check's word, and is anything."""
    planned: Any = next((each for each in outputs if each.name == data.output_name), None)
    if planned is None or planned.dagster_type_key == "Nothing":
        return []
    if planned.properties and (planned.properties.asset_key or planned.properties.asset_check_key):
        return []
    name = data.output_name if data.mapping_key is None else f"{data.output_name}.{data.mapping_key}"
    uri = output_uri(key.execution.execution_id, step_key, data.output_name, data.mapping_key)
    return [Product(uri=uri, name=f"{key.step} {name}", type=ArtifactType.VALUE, entry=name)]


def past_message(status: Status, event: DagsterEvent | None, failed: Iterable[str]) -> str | None:
    """Why a past run ended as it did."""
    said = event and event.event_specific_data
    if status is Status.CANCELLED:  # by its worker, unless it was only marked as such
        return TERMINATED if event is None or getattr(said, "error", None) else event.message
    if status is Status.COMPLETED:
        return None
    if getattr(getattr(said, "failure_reason", None), "value", None) == "UNEXPECTED_TERMINATION":
        return INTERRUPTED
    of_steps = outcome_of(failed)[1]
    error = error_text(getattr(said, "error", None))
    return of_steps or error or (event and event.message)


def step_output(
    context: StepExecutionContext,
    key: StepKey,
    *,
    name: str,
    value: Any,
    mapping_key: str | None,
    capture: str | None,
) -> StepOutput:
    """A step has made an output. Where that is an asset, the asset's version names it, which Dagster makes later."""
    is_asset = name in assets_of(context.step.step_outputs)
    uri = output_uri(context.run_id, context.step.key, name, mapping_key)
    return StepOutput(
        key=key,
        name=name if mapping_key is None else f"{name}.{mapping_key}",
        value=value,
        result_uris=() if is_asset else (uri,),
        capture=capture,
    )


def step_finished(
    key: StepKey,
    *,
    name: str,
    kind: Kind,
    status: Status,
    at: datetime,
    started_at: datetime | None,
    message: str | None = None,
    state: str | None = None,
    products: Iterable[Product] = (),
    sources: Iterable[Product] = (),
    metrics: Mapping[str, float] | None = None,
    upstream: Mapping[str, tuple[str, ...]] | None = None,
    properties: Mapping[str, str] | None = None,
    url: str | None = None,
    inferred: bool = False,
) -> StepFinished:
    """An attempt of a step has ended, by Dagster's events. ``state`` is Dagster's word where ours says less."""
    return StepFinished(
        key=key,
        name=name,
        at=at,
        status=status,
        message=message,
        kind=kind,
        products=tuple(products),
        sources=tuple(sources),
        metrics=dict(metrics or {}),
        upstream=dict(upstream or {}),
        started_at=started_at,
        properties={**(properties or {}), **({} if state is None else {"dagster_state": state})},
        url=url,
        inferred=inferred,
    )


def asset_product(asset: AssetKey, *, version: str | None = None, partition: str | None = None) -> Product:
    """A version of an asset, or of one of its partitions."""
    path = asset.to_user_string()
    name = path if partition is None else f"{path}[{partition}]"
    url = links.dagster_asset_url(asset)
    found = {"dagster_asset": path, "data_version": version, "partition": partition, "dagster_url": url}
    return Product(
        uri=asset_uri(asset, version=version, partition=partition),
        name=name,
        entry=f"asset {name}",
        properties={key: value for key, value in found.items() if value is not None},
    )


def product_of(event: AssetMaterialization | AssetObservation) -> Product:
    """The version of an asset that a materialization made, or an observation found, with what was said of it."""
    tags = event.tags or {}
    product = asset_product(event.asset_key, version=tags.get(_compat.DATA_VERSION_TAG), partition=event.partition)
    code = tags.get(_compat.CODE_VERSION_TAG)
    said = {} if code is None else {"code_version": code}
    said |= {f"metadata.{name}": str(value) for name, value in metrics_of(event.metadata).items()}
    return replace(product, properties={**product.properties, **said, **texts_of(event.metadata)})


def versions_read(materialization: AssetMaterialization) -> Iterator[tuple[AssetKey, str, int | None]]:
    """Each asset that went into a materialization: its version, and the storage id of its latest event then."""
    from dagster import AssetKey

    tags = materialization.tags or {}
    start = _compat.INPUT_VERSION_TAG
    for key, version in tags.items():
        if key.startswith(start) and (asset := key.removeprefix(start)):
            pointer = tags.get(f"{_compat.INPUT_POINTER_TAG}{asset}", "")
            yield AssetKey.from_user_string(asset), version, int(pointer) if pointer.isdecimal() else None


def derived(made: Sequence[AssetMaterialization], products: Sequence[Product]) -> Iterator[Product]:
    """What one step made, each with what it was made of within the step."""
    by_asset: dict[AssetKey, list[tuple[str | None, str]]] = {}
    for each, product in zip(made, products, strict=True):
        by_asset.setdefault(each.asset_key, []).append((each.partition, product.uri))
    for each, product in zip(made, products, strict=True):
        origins = (origin for asset, _, _ in versions_read(each) for origin in by_asset.get(asset, ()))
        yield replace(
            product,
            derived_from=tuple(
                uri
                for partition, uri in origins
                if uri != product.uri and (partition is None or each.partition in {None, partition})
            ),
        )


def check_properties(check: AssetCheckEvaluation, name: str) -> dict[str, str]:
    """What a check found."""
    found = "passed" if check.passed else f"failed ({check.severity.value.lower()})"
    return {
        f"check.{name}": found,
        **({f"check.{name}.description": check.description[:_PROPERTY_MAX]} if check.description else {}),
        **texts_of(check.metadata, f"check.{name}."),
    }


def check_name(check: AssetCheckEvaluation, outputs: Iterable[Any]) -> str:
    """What a check is called in its step; with its asset's name where the step checks several assets."""
    return (
        check.check_name
        if len(set(checked_of(outputs))) <= 1
        else f"{check.asset_key.to_user_string()}.{check.check_name}"
    )


def metrics_of(metadata: Mapping[str, Any], prefix: str = "", suffix: str = "") -> dict[str, float]:
    """The numbers in an output's or materialization's metadata."""
    return {
        f"{prefix}{name}{suffix}": float(value.value)
        for name, value in metadata.items()
        if not name.startswith(_OWN[0]) and type(getattr(value, "value", None)) in {int, float}
    }


def metrics_of_assets(made: Sequence[AssetMaterialization], outputs: Iterable[Any]) -> dict[str, float]:
    """The numbers in a step's materializations; where it makes several assets or partitions, under their names."""
    several_assets = max(len(_not_checks(outputs)), len({each.asset_key for each in made})) > 1
    several_partitions = len({each.partition for each in made}) > 1
    found: dict[str, float] = {}
    for each in made[:_METRICS_MAX]:
        prefix = f"{each.asset_key.to_user_string()}." if several_assets else ""
        suffix = f"[{each.partition}]" if several_partitions and each.partition is not None else ""
        found |= metrics_of(each.metadata, prefix, suffix)
    return found


def properties_of_asset(made: Sequence[AssetMaterialization], run_id: str) -> dict[str, str]:
    """The words in a step's only materialization and its code's version, which is the run's id where none was given."""
    if len(made) != 1:
        return {}  # of several, they stand by the artifacts alone
    version = (made[0].tags or {}).get(_compat.CODE_VERSION_TAG, run_id)
    return {**texts_of(made[0].metadata), **({} if version == run_id else {"code_version": version})}


def texts_of(metadata: Mapping[str, Any], prefix: str = "metadata.") -> dict[str, str]:
    """The words in it: paths, addresses, short texts, and the columns of a table."""
    return {
        f"{prefix}{name}": text[:_PROPERTY_MAX]
        for name, value in metadata.items()
        if not name.startswith(_OWN[0]) and (text := _text_of(value)) is not None
    }


def exception_text(error: BaseException) -> str:
    """What an exception says, for a run that it ended."""
    return f"{type(error).__name__}: {error}"


def _text_of(entry: Any) -> str | None:
    value = getattr(entry, "value", None)
    if type(value) is str:
        return value
    if type(value) is bool:
        return str(value).lower()
    columns = getattr(value, "columns", None)
    if columns is not None:
        return ", ".join(f"{column.name}: {column.type}" for column in columns)
    return json.dumps(value, default=str) if type(value) in {dict, list} else None


def error_text(error: SerializableErrorInfo | None) -> str | None:
    """What went wrong, in the words of the user's exception where there is one."""
    if error is None:
        return None
    while error.cause is not None:
        error = error.cause
    return error.message.strip()
