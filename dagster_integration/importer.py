"""Brings past runs into the record from the event log of a Dagster instance, which it only reads.

What it records is what recording would have at the time, but for what no event tells: what inputs and
outputs contained, what was logged by user code, the commit that the code was at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dagster_integration import _compat, links, translate
from dagster_integration.asset_reads import AssetReads, partitions_by_events
from dagster_integration.plan import Plan, plan_of_snapshot
from dagster_integration.run_events import HANDLED, RunEvents
from dagster_integration.stored_job import StoredJob
from plugin_core.capture.importing import Counted, ImportReport, ImportRequest, OnlyMissing, is_recorded
from plugin_core.capture.recorder import past_recorder
from plugin_core.errors import InvalidValueError, RunStateError
from plugin_core.model.components import Component, Status
from plugin_core.tracking.listing import components_of_executions

if TYPE_CHECKING:
    from dagster import DagsterEvent, DagsterInstance, DagsterRun, EventLogEntry
    from dagster._core.storage.dagster_run import RunRecord

    from plugin_core.capture.recording import Recording

_PAGE: Final = 100  # runs
_EVENTS: Final = 1_000
_FLUSH_S: Final = 60.0
_ENDS: Final = {"PIPELINE_SUCCESS", "PIPELINE_FAILURE", "PIPELINE_CANCELED"}
_STATUSES: Final = {"SUCCESS": Status.COMPLETED, "FAILURE": Status.FAILED, "CANCELED": Status.CANCELLED}


def import_runs(request: ImportRequest, counted: Counted) -> ImportReport:
    """Record the runs of an instance that the record lacks, oldest first."""
    recording = past_recorder()
    if recording is None:
        raise RunStateError("Recording is switched off.", hint="Unset FLOWTRAIL_DISABLED.")
    with _instance(request.source) as instance:
        return _Import(instance, request, recording).run(counted)


def _instance(home: str | None) -> AbstractContextManager[DagsterInstance]:
    from dagster import DagsterInstance

    folder = home or os.environ.get("DAGSTER_HOME")
    if not folder:
        raise InvalidValueError("Which instance is meant?", hint="Pass --instance DAGSTER_HOME, or set DAGSTER_HOME.")
    if not Path(folder).is_dir():
        raise InvalidValueError(f"{folder} is not a folder.", hint="Pass the DAGSTER_HOME of the instance.")
    return DagsterInstance.from_config(folder)


class _Import:
    """One import, page by page."""

    def __init__(self, instance: DagsterInstance, request: ImportRequest, recording: Recording) -> None:
        self._instance = instance
        self._request = request
        self._recording = recording
        self._report = ImportReport()
        self._job = lru_cache(maxsize=32)(self._read_job)
        self._plan = lru_cache(maxsize=32)(self._read_plan)

    def run(self, counted: Counted) -> ImportReport:
        """Import all that was asked for."""
        from dagster import RunsFilter

        wanted = RunsFilter(run_ids=list(self._request.ids) or None, created_after=self._request.since)
        done, total = 0, self._instance.get_runs_count(wanted)
        counted(done, total)
        for page in self._pages(wanted):
            recorded = components_of_executions(translate.SYSTEM, [each.dagster_run.run_id for each in page])
            for record in page:
                self._take(record, recorded[record.dagster_run.run_id])
                done += 1
                counted(done, total)
            self._recording.flush(_FLUSH_S)
        self._report.not_found = max(len(set(self._request.ids)) - total, 0)
        return self._report

    def _pages(self, wanted: Any) -> Iterator[Sequence[RunRecord]]:
        cursor: str | None = None
        while page := self._instance.get_run_records(wanted, limit=_PAGE, cursor=cursor, ascending=True):
            yield page
            cursor = page[-1].dagster_run.run_id

    def _take(self, record: RunRecord, recorded: Sequence[Component]) -> None:
        run = record.dagster_run
        root = next((each for each in recorded if each.root == each.name), None)
        if not run.is_finished:
            self._report.unfinished += 1
        elif root is not None and is_recorded(root):
            self._report.recorded_before += 1
        else:
            self._report.failed += 1
            with self._recording.guard("the import of a run"):
                self._import(record, recorded, None if root is None else root.experiment)
                self._report.failed -= 1
                self._report.imported += 1

    def _import(self, record: RunRecord, recorded: Sequence[Component], experiment: str | None) -> None:
        run = record.dagster_run
        PastRun(
            run,
            began=datetime.fromtimestamp(record.start_time or record.create_timestamp.timestamp(), UTC),
            experiment=experiment,
            parent_experiment=self._experiment_of(run.parent_run_id),
            job=self._job(run.job_snapshot_id),
            plan=self._plan(run.execution_plan_snapshot_id),
            reads=AssetReads(self._instance, partitions_by_events(self._instance)),
            recording=OnlyMissing(self._recording, recorded),
        ).replay(self._events(run.run_id))

    def _experiment_of(self, run_id: str | None) -> str | None:
        run = None if run_id is None else self._instance.get_run_by_id(run_id)
        return None if run is None else translate.past_run_key(run, None).experiment

    def _read_job(self, snapshot: str | None) -> StoredJob:
        if snapshot is None or not self._instance.has_job_snapshot(snapshot):
            return StoredJob(None)
        return StoredJob(self._instance.get_job_snapshot(snapshot))

    def _read_plan(self, snapshot: str | None) -> Plan:
        if snapshot is None or not self._instance.run_storage.has_execution_plan_snapshot(snapshot):
            return Plan((), {})
        return plan_of_snapshot(self._instance.get_execution_plan_snapshot(snapshot))

    def _events(self, run_id: str) -> Iterator[tuple[int, EventLogEntry]]:
        cursor, more = None, True
        while more:
            found = self._instance.get_records_for_run(
                run_id, cursor=cursor, of_type=_compat.event_types({*HANDLED, *_ENDS}), limit=_EVENTS
            )
            for record in found.records:
                yield record.storage_id, record.event_log_entry
            cursor, more = found.cursor, found.has_more


class PastRun:
    """Tells a run again from its stored events."""

    def __init__(
        self,
        run: DagsterRun,
        *,
        began: datetime,
        experiment: str | None,
        parent_experiment: str | None,
        job: StoredJob,
        plan: Plan,
        reads: AssetReads,
        recording: Recording,
    ) -> None:
        self._run = run
        self._began = began
        self._parent_experiment = parent_experiment
        self._job = job
        self._plan = plan
        self._recording = recording
        self._key = translate.past_run_key(run, experiment)
        self._events = RunEvents(self._key, plan, reads, recording, past=True)

    def replay(self, entries: Iterator[tuple[int, EventLogEntry]]) -> None:
        """Record the run and its steps."""
        url = links.dagster_run_url(self._run.run_id)
        self._recording.execution_started(
            translate.run_started(
                self._key, run=self._run, at=self._began, url=url, parent_experiment=self._parent_experiment
            )
        )
        at, last = self._began, None
        for storage_id, entry in entries:
            event = entry.dagster_event
            if event is None:
                continue
            at = datetime.fromtimestamp(entry.timestamp, UTC)
            if event.event_type_value in _ENDS:
                last = event
            else:
                self._step_event(event, at, storage_id)
        self._end(at, last)

    def _step_event(self, event: DagsterEvent, at: datetime, storage_id: int) -> None:
        if event.event_type_value in {"STEP_START", "STEP_RESTARTED"} and event.step_key is not None:
            self._began_step(event.step_key, at)
        self._events.event(event, at, pointer=storage_id)

    def _began_step(self, step_key: str, at: datetime) -> None:
        self._recording.step_started(
            translate.past_step_started(
                self._events.key_of(step_key),
                run=self._run,
                step_key=step_key,
                op=self._job.op_at(self._plan.path_of(step_key)),
                outputs=self._plan.outputs_of(step_key),
                tags=self._plan.tags_of(step_key),
                at=at,
                url=links.dagster_step_url(self._run.run_id, step_key),
            )
        )

    def _end(self, at: datetime, last: DagsterEvent | None) -> None:
        status = _STATUSES[self._run.status.value]
        message = translate.past_message(status, last, self._events.failed)
        self._events.end(status, at)
        self._recording.execution_finished(translate.run_finished(self._key, status=status, at=at, message=message))
