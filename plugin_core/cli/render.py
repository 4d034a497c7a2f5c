"""Views as tables and lists for people. Pure: a view and a terminal in, renderables out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from plugin_core.cli import terminal as look
from plugin_core.cli.terminal import Column, Terminal
from plugin_core.cli.views import (
    ArtifactDetail,
    ArtifactRow,
    ExecutionRow,
    ExperimentDetail,
    ExperimentRow,
    Headline,
    Link,
    RunDetail,
    RunView,
    StepRow,
)
from plugin_core.lineage.render import short_uri
from plugin_core.model.metrics import Json, MetricPoint, MetricSummary
from plugin_core.model.names import RUN_SOURCE_TAG
from plugin_core.model.parameters import to_text

_STEPS_SHOWN: Final = 60
_FAILURES_SHOWN: Final = 5
_VALUE_WIDTH: Final = 60
_COMMIT_DIGITS: Final = 12
_CODE: Final = ("git.commit", "git.dirty", "git.branch", "git.repository")


def _show_headline(found: Headline | None) -> str:
    return "" if found is None else f"{found.metric} {look.number(found.value)}"


# Listings


def executions(rows: Sequence[ExecutionRow], terminal: Terminal) -> RenderableType:
    """The table of ``flowtrail ls``; the execution's own id is never cut, so that it can be pasted."""
    columns = [
        Column("STATUS", keep=True),
        Column("EXECUTION", keep=True),
        Column("NAME", drop=2),
        Column("STARTED", keep=True),
        Column("DURATION", right=True, keep=True),
        Column("STEPS", right=True, keep=True, drop=3),
        Column("METRIC", drop=1),
    ]
    return terminal.table(columns, (_execution(row, terminal) for row in rows))


def _execution(row: ExecutionRow, terminal: Terminal) -> list[str | Text]:
    run = row.run
    return [
        terminal.status(run.status, inferred=run.status_inferred),
        run.component,
        run.name,
        terminal.when(run.started_at or run.created_at),
        look.duration(run.duration_s),
        str(row.steps) if row.steps else "",
        _show_headline(row.headline),
    ]


def runs(rows: Sequence[ExecutionRow], terminal: Terminal) -> RenderableType:
    """The table of ``flowtrail ls runs``."""
    columns = [
        Column("STATUS", keep=True),
        Column("RUN", keep=True),
        Column("NAME", drop=1),
        Column("KIND", keep=True, drop=3),
        Column("STARTED", keep=True),
        Column("DURATION", right=True, keep=True),
        Column("METRIC", drop=2),
    ]
    lines = (
        [*_execution(row, terminal)[:3], row.run.kind, *_execution(row, terminal)[3:5], _show_headline(row.headline)]
        for row in rows
    )
    return terminal.table(columns, lines)


def experiments(rows: Sequence[ExperimentRow], terminal: Terminal) -> RenderableType:
    """The table of ``flowtrail ls experiments``."""
    columns = [
        Column("EXPERIMENT", keep=True),
        Column("NAME"),
        Column("EXECUTIONS", right=True, keep=True),
        Column("LAST", keep=True),
        Column("LATEST FIRST"),
    ]
    lines: list[list[str | Text]] = []
    for row in rows:
        name = row.display_name if row.display_name != row.name else ""
        strip = Text("").join(Text(str(terminal.status(s)).split()[0], terminal.status(s).style) for s in row.statuses)
        lines.append([row.name, name, str(row.executions), terminal.when(row.last_at), strip])
    return terminal.table(columns, lines)


def artifacts(rows: Sequence[ArtifactRow], terminal: Terminal) -> RenderableType:
    """The table of ``flowtrail ls artifacts``."""
    columns = [
        Column("TYPE", keep=True),
        Column("NAME"),
        Column("WHAT"),
        Column("SIZE", right=True, keep=True),
        Column("STORED", keep=True, drop=3),
        Column("SEEN", keep=True, drop=2),
        Column("ID", keep=True),
    ]
    lines = (
        [
            row.type,
            row.name,
            what(row),
            look.size(row.size_bytes),
            "yes" if row.stored else "",
            terminal.when(row.created_at),
            short_uri(row.uri),
        ]
        for row in rows
    )
    return terminal.table(columns, lines)


def what(row: ArtifactRow) -> str:
    """What an artifact is, in a few words: its Python type and shape, else its media type."""
    known = row.properties
    kind = known.get("type", "").rpartition(".")[2]
    shape = known.get("shape") or (f"{known['rows']} rows" if "rows" in known else "")
    return " ".join(part for part in (kind, shape) if part) or (row.media_type or "")


# A run


def run_detail(detail: RunDetail, terminal: Terminal) -> list[RenderableType]:
    """All of a run: what and how it was, what went in and came out, its steps."""
    parts: list[RenderableType] = [_title(detail.run, terminal), _run_facts(detail, terminal)]
    if detail.run.message:
        parts += [
            "",
            Text(look.clean(detail.run.message, lines=True), style=look.VERMILLION if _failed(detail.run) else ""),
        ]
    sections: list[tuple[str, RenderableType | None]] = [
        ("Parameters", parameters(detail.parameters, terminal) if detail.parameters else None),
        ("Metrics", metrics(detail.metrics, terminal) if detail.metrics else None),
        ("Inputs", links(detail.inputs, terminal, "MADE BY", detail.run.experiment) if detail.inputs else None),
        ("Outputs", links(detail.outputs, terminal, "USED BY", detail.run.experiment) if detail.outputs else None),
        (f"Steps ({len(detail.steps)})", steps(detail.steps, terminal) if detail.steps else None),
    ]
    for title, part in sections:
        if part is not None:
            parts += ["", terminal.heading(title), part]
    return [*parts, *_failures(detail.steps, terminal), *_look_further(detail, terminal)]


def _failures(rows: Sequence[StepRow], terminal: Terminal) -> list[RenderableType]:
    """Why steps failed, a line each: nobody should have to open them one by one."""
    failed = [row.run for row in rows if _failed(row.run) and row.run.message]
    lines = [
        Text(terminal.clip(f"{run.name}: {run.message}", 160), look.VERMILLION) for run in failed[:_FAILURES_SHOWN]
    ]
    return ["", terminal.heading("Failures"), *lines] if lines else []


def _failed(run: RunView) -> bool:
    return run.status.value == "failed"


def _title(run: RunView, terminal: Terminal) -> Text:
    line = Text.assemble(
        (look.clean(run.name), "bold"), "  ", terminal.status(run.status, inferred=run.status_inferred)
    )
    if run.duration_s is not None:
        line.append(f"  {look.duration(run.duration_s)}", "dim")
    return line


def _run_facts(detail: RunDetail, terminal: Terminal) -> RenderableType:
    run, system = detail.run, detail.run.orchestrator
    tags = ", ".join(k if v is None else f"{k}={v}" for k, v in detail.tags.items() if k != RUN_SOURCE_TAG[0])
    own = {k: v for k, v in detail.properties.items() if k not in _CODE and not k.startswith("git.")}
    return terminal.facts(
        [
            ("id", run.component),
            ("experiment", run.experiment),
            ("kind", run.kind + (f", attempt {run.attempt}" if run.attempt > 1 else "")),
            ("part of", run.parent),
            ("started", _times(run)),
            (system.system if system else "", _orchestrator(run)),
            ("code", _code(detail.properties)),
            ("tags", tags or None),
            *((key, value) for key, value in own.items()),
        ]
    )


def _times(run: RunView) -> str | None:
    if run.started_at is None:
        return None
    return look.stamp(run.started_at) + (f", ended {look.stamp(run.ended_at)}" if run.ended_at else "")


def _orchestrator(run: RunView) -> str | None:
    if run.orchestrator is None:
        return None
    return run.orchestrator.url or run.orchestrator.step_id or run.orchestrator.execution_id


def _code(properties: Mapping[str, str]) -> str | None:
    commit = properties.get("git.commit")
    if commit is None:
        return None
    dirty = " with uncommitted changes" if properties.get("git.dirty", "").lower() == "true" else ""
    branch = f" on {properties['git.branch']}" if properties.get("git.branch") else ""
    return f"git {commit[:_COMMIT_DIGITS]}{branch}{dirty}"


def parameters(values: Mapping[str, Json], terminal: Terminal) -> RenderableType:
    """Names and values; text without quotes, the rest as JSON."""
    return terminal.facts((look.clean(name), _value(value, terminal)) for name, value in values.items())


def _value(value: Json, terminal: Terminal) -> str:
    text = value if isinstance(value, str) else look.number(value) if isinstance(value, float) else to_text(value)
    return terminal.clip(text, 2 * _VALUE_WIDTH)


def metrics(summaries: Mapping[str, MetricSummary], terminal: Terminal) -> RenderableType:
    """One metric a line: last, least, greatest, mean, number of points."""
    columns = [Column("METRIC"), *(Column(t, right=True, keep=True) for t in ("LAST", "MIN", "MAX", "MEAN", "COUNT"))]
    lines = (
        [name, *(look.number(v) for v in (m.last, m.minimum, m.maximum, m.mean)), str(m.count)]
        for name, m in summaries.items()
    )
    return terminal.table(columns, lines)


def links(found: Sequence[Link], terminal: Terminal, others: str, experiment: str | None) -> RenderableType:
    """Data of a run: name, type and shape, size, short hash, and the runs at the other end.

    Runs of the same ``experiment`` are named without it.
    """
    columns = [
        Column("NAME"),
        Column("TYPE", keep=True),
        Column("WHAT", drop=1),
        Column("SIZE", right=True, keep=True, drop=2),
        Column("ID", keep=True),
        Column(others),
    ]
    return terminal.table(columns, (_link(link, terminal, f"{experiment}-") for link in found))


def _link(link: Link, terminal: Terminal, prefix: str) -> list[str | Text]:
    row, names = link.artifact, [name.removeprefix(prefix) for name in link.others]
    if terminal.interactive and len(names) > 1:
        names = [f"{names[0]} +{len(names) - 1}"]
    others = ", ".join(names)
    if row is None:
        return [link.name, "", "", "", short_uri(link.value), others]
    shown = what(row) or row.properties.get("preview", "")
    return [link.name, row.type, shown, look.size(row.size_bytes), short_uri(row.uri), others]


def steps(rows: Sequence[StepRow], terminal: Terminal) -> RenderableType:
    """One step a line, those that a step called indented below it."""
    columns = [
        Column("STATUS", keep=True),
        Column("STEP"),
        Column("DURATION", right=True, keep=True),
        Column("ATTEMPT", right=True, keep=True, drop=2),
        Column("METRIC", drop=1),
        Column("RUN", keep=True),
    ]
    shown = rows[:_STEPS_SHOWN] if terminal.interactive else rows
    lines: list[list[str | Text]] = [_step(row, terminal) for row in shown]
    if len(shown) < len(rows):
        lines.append(["", f"and {len(rows) - len(shown)} more: pipe the output, or --json", "", "", "", ""])
    return terminal.table(columns, lines)


def _step(row: StepRow, terminal: Terminal) -> list[str | Text]:
    run = row.run
    return [
        terminal.status(run.status, inferred=run.status_inferred),
        "  " * row.depth + run.name,
        look.duration(run.duration_s),
        str(run.attempt) if run.attempt > 1 else "",
        _show_headline(row.headline),
        run.run or run.component,
    ]


def _look_further(detail: RunDetail, terminal: Terminal) -> list[RenderableType]:
    if not terminal.interactive:
        return []
    commands = [f"flowtrail lineage {detail.run.component}"]
    failed = next((row.run for row in detail.steps if _failed(row.run)), None)
    if failed is not None:
        commands.insert(0, f"flowtrail show {failed.component}")
    elif detail.metrics:
        commands.insert(0, f"flowtrail show {detail.run.component} --metrics {next(iter(detail.metrics))}")
    return ["", Text("\n".join(["Look further:", *(f"  {command}" for command in commands)]), style="dim")]


def points(series: Iterable[MetricPoint], terminal: Terminal) -> RenderableType:
    """The points of one metric."""
    columns = [Column("STEP", right=True, keep=True), Column("VALUE", right=True, keep=True), Column("TIME", keep=True)]
    lines = (
        [str(p.step), look.number(p.value) if p.data is None else to_text(p.data), look.stamp(p.time)] for p in series
    )
    return terminal.table(columns, lines)


# Experiments and artifacts


def experiment_detail(detail: ExperimentDetail, terminal: Terminal) -> list[RenderableType]:
    """An experiment and its latest executions."""
    facts = [
        ("id", detail.name),
        ("description", detail.description),
        ("since", look.stamp(detail.created_at)),
        ("tags", ", ".join(k if v is None else f"{k}={v}" for k, v in detail.tags.items()) or None),
    ]
    parts: list[RenderableType] = [Text(look.clean(detail.display_name), "bold"), terminal.facts(facts)]
    if detail.executions:
        parts += ["", terminal.heading("Latest executions"), executions(detail.executions, terminal)]
    return parts


def artifact_detail(detail: ArtifactDetail, terminal: Terminal) -> list[RenderableType]:
    """An artifact, its makers and its users."""
    row = detail.artifact
    stored = f"yes: flowtrail get {short_uri(row.uri)}" if row.stored else "no, known by description only"
    facts: list[tuple[str, str | Text | None]] = [
        ("id", row.uri),
        ("type", f"{row.type}" + (f", {row.media_type}" if row.media_type else "")),
        ("size", look.size(row.size_bytes) or None),
        ("first seen", look.stamp(row.created_at)),
        ("stored", stored),
        *((key, value) for key, value in row.properties.items()),
    ]
    parts: list[RenderableType] = [Text(look.clean(row.name), "bold"), terminal.facts(facts)]
    for title, found in (("Made by", detail.produced_by), ("Used by", detail.used_by)):
        if found:
            parts += ["", terminal.heading(title), _runs(found, terminal)]
    return parts


def _runs(found: Sequence[RunView], terminal: Terminal) -> RenderableType:
    columns = [Column("STATUS", keep=True), Column("RUN", keep=True), Column("NAME"), Column("STARTED", keep=True)]
    lines: list[list[str | Text]] = [
        [terminal.status(r.status, inferred=r.status_inferred), r.component, r.name, terminal.when(r.started_at)]
        for r in found
    ]
    return terminal.table(columns, lines)
