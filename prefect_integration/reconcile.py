"""What became of flow and task runs whose process is gone, by Prefect's own account."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from plugin_core.model.components import Status
from prefect_integration.translate import message_of, state_properties, status_of

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

_Verdict = tuple[Status, str | None]


@contextmanager
def true_states() -> Generator[Callable[[str, str | None, str | None], _Verdict | None]]:
    """The status of a task run, or without its id of a flow run, for as long as the API is open; None if not known.

    A task run that Prefect still takes for running ended with its flow run, if that has ended: it gets
    the flow run's status, but never a success. Raises what Prefect's client raises when it is out of reach.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        yield functools.partial(_true_state, client)


def _true_state(
    client: SyncPrefectClient, system: str, execution_id: str | None, step_id: str | None
) -> _Verdict | None:
    if system != "prefect" or execution_id is None:
        return None
    flow_state = _state_of_flow_run(client, execution_id)
    if step_id is None:
        return _verdict(flow_state)
    return _verdict(_state_of_task_run(client, step_id)) or _abandoned(flow_state)


def _verdict(state: Any | None) -> _Verdict | None:
    if state is None or not (state.is_final() or state.is_paused()):
        return None
    word = state_properties(state).get("prefect_state")
    return status_of(state), ": ".join(filter(None, (word, message_of(state)))) or None


def _abandoned(flow_state: Any | None) -> _Verdict | None:
    if flow_state is None or not flow_state.is_final():
        return None
    status = Status.CANCELLED if status_of(flow_state) is Status.CANCELLED else Status.FAILED
    return status, f"The task run was left running when its flow run ended as {flow_state.name}."


def _state_of_flow_run(client: SyncPrefectClient, run_id: str) -> Any | None:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_flow_run(UUID(run_id)).state
    except ObjectNotFound:
        return _state_of_task_run(client, run_id)  # a task run outside of any flow is an execution of its own


def _state_of_task_run(client: SyncPrefectClient, run_id: str) -> Any | None:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_task_run(UUID(run_id)).state
    except ObjectNotFound:
        return None
