"""Which flow or task run this code belongs to, in this thread, asyncio task or generator."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from plugin_core.capture.events import ExecutionKey, StepKey
from plugin_core.model.plain import value
from plugin_core.tracking.current import attach, current_run, detach
from prefect_integration import _compat

if TYPE_CHECKING:
    from plugin_core.tracking.run import Run
    from prefect_integration.translate import Call


@value
class Scope:
    """A recorded flow run, or a task run in it. ``flow_run_id`` is Prefect's own object, where it is at hand."""

    flow: ExecutionKey
    task: StepKey | None
    run: Run | None
    flow_run_id: object = None


_scope: ContextVar[Scope | None] = ContextVar("flowtrail_prefect_scope", default=None)
_call: ContextVar[Call | None] = ContextVar("flowtrail_prefect_call", default=None)


def current_scope() -> Scope | None:
    """The innermost recorded run that encloses this code, if any."""
    return _scope.get()


def enter(scope: Scope) -> tuple[Token[Scope | None], Token[Run | None]]:
    """Make ``scope`` the current one, and its run what ``load_run()`` finds; give the tokens back to ``leave``."""
    return _scope.set(scope), attach(scope.run)


def leave(tokens: tuple[Token[Scope | None], Token[Run | None]]) -> None:
    """Undo ``enter``. In another context than it was done in (an abandoned generator) there is nothing to undo."""
    detach(tokens[1])
    try:
        _scope.reset(tokens[0])
    except ValueError:
        return


def snapshot() -> tuple[Scope | None, Run | None]:
    """What is current here, to be put back with ``restore`` when a generator goes on."""
    return _scope.get(), current_run()


def restore(state: tuple[Scope | None, Run | None]) -> None:
    """Make current again what ``snapshot`` saw."""
    if state != snapshot():
        _scope.set(state[0])
        attach(state[1])


def announce(call: Call) -> Token[Call | None]:
    """Leave what is known of a call for the task run that begins with it in this context, or a copy of it."""
    return _call.set(call)


def withdraw(token: Token[Any]) -> None:
    """Undo ``announce``, after the call was submitted."""
    _call.reset(token)


def take_call() -> Call | None:
    """What was announced for this task run; the runs that it starts in turn do not get it."""
    call = _call.get()
    if call is not None:
        _call.set(None)
    return call


_named: set[str] = set()


def leave_name() -> None:
    """Leave with Prefect the name that the flow around this code is recorded under, where it is not the flow's.

    A background worker knows a task's flow run by its id alone, if the task has no parameters.
    """
    around, context = current_scope(), _compat.flow_context()
    if around is None or context is None or context.flow is None or around.flow.execution_id in _named:
        return
    if str(getattr(context.flow_run, "id", None)) == around.flow.execution_id:
        _named.add(around.flow.execution_id)
        if around.flow.experiment != context.flow.name:
            _compat.send_labels(context.flow_run.id, {_compat.NAME_LABEL: around.flow.experiment})
