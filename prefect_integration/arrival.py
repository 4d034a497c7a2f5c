"""Recording in processes that Prefect sends tasks to: pools, Dask and Ray workers.

A marker in the flow's context unpickles there before the engine runs, and turns recording on. Where
flowtrail is missing it unpickles to None.
"""

from __future__ import annotations

from typing import Any, Final

from plugin_core.capture import arrival
from prefect_integration import _compat

_ATTRIBUTE: Final = "_flowtrail_marker"
_CODE: Final = """\
try:
    from prefect_integration.arrival import arrive
except ImportError:
    marker = None
else:
    marker = arrive({origin!r})
"""
_EXPRESSION: Final = "(lambda names: (exec({code!r}, names), names['marker'])[1])({{}})"


class Marker:
    """Turns recording on in each process that unpickles it, on its way through Dask's scheduler too."""

    def __init__(self, origin: dict[str, Any] | None = None) -> None:
        self.origin = origin

    def __reduce__(self) -> tuple[Any, ...]:
        # Only builtins are named: it has to unpickle where this package is not installed.
        code = _CODE.format(origin=self.origin or arrival.origin())
        return eval, (_EXPRESSION.format(code=code), {})


_marker: Final = Marker()


def mark_context() -> None:
    """Put the marker into the flow context that encloses this code: Prefect sends it along with each task."""
    context = _compat.flow_context()
    if context is not None and context.flow is not None and vars(context.flow).get(_ATTRIBUTE) is None:
        setattr(context.flow, _ATTRIBUTE, _marker)


def arrive(origin: dict[str, Any]) -> Marker:
    """Record in this process as in the one that sent the work, unless this one was configured for itself."""
    if arrival.is_from_here(origin):
        return _marker
    from prefect_integration import instrumentor

    with instrumentor.own_guard("the arrival of work from another process"):
        arrival.take_over(origin)
        instrumentor.instrument(reason="arrival")
    return Marker(origin)
