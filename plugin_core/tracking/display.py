"""How a run shows itself at a prompt and in a notebook. Shows what is known, and never fails for what is not."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Final

from plugin_core.errors import FlowtrailError

if TYPE_CHECKING:
    from plugin_core.tracking.run import Run

_ROWS_MAX: Final = 50
_CELL_MAX: Final = 200


def summary_line(run: Run) -> str:
    """One line: names, and of a run that was read its status and how much it holds."""
    head = f"Run(experiment_name={run.experiment_name!r}, run_name={run.run_name!r}"
    component, cohort = run._component, run._cohort  # noqa: SLF001 - shows what was read, reads nothing itself
    if component is None or cohort is None:
        return f"{head})"
    return f"{head}, status={component.status.value}, created={component.created_at:%Y-%m-%d %H:%M:%S} UTC)"


def to_html(run: Run) -> str:
    """A small table of status, parameters, metrics and artifacts; no script, no style sheet, everything escaped."""
    title = f"<b>{escape(run.experiment_name)}</b> / {escape(run.run_name)}"
    try:
        component, cohort = run._read()  # noqa: SLF001 - the display belongs to the run
        sections = [
            _section("Parameters", ((k, repr(v)) for k, v in cohort.parameters(component.id).items())),
            _section(
                "Metrics",
                (
                    (k, f"{m.last:g}  (min {_number(m.minimum)}, max {_number(m.maximum)}, {m.count} points)")
                    for k, m in cohort.metrics(component.id).items()
                ),
            ),
            _section("Inputs", ((k, a.value) for k, a in cohort.input_artifacts(component.id).items())),
            _section("Outputs", ((k, a.value) for k, a in cohort.output_artifacts(component.id).items())),
        ]
    except FlowtrailError as error:
        return f"<div>{title}<br><em>{escape(str(error))}</em></div>"
    return f"<div>{title} &middot; {escape(component.status.value)}{''.join(sections)}</div>"


def _section(name: str, rows: Iterable[tuple[str, str]]) -> str:
    listed = list(rows)
    if not listed:
        return ""
    cells = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td style="text-align:left">{escape(value[:_CELL_MAX])}</td></tr>'
        for key, value in listed[:_ROWS_MAX]
    )
    more = f"<caption>and {len(listed) - _ROWS_MAX} more</caption>" if len(listed) > _ROWS_MAX else ""
    return f"<h4>{name}</h4><table>{more}{cells}</table>"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
