"""Finding runs: one query, and handles that can be read."""

from __future__ import annotations

import base64
import binascii
import enum
import json
import os
from collections.abc import Sequence
from datetime import datetime
from operator import index
from typing import TYPE_CHECKING, Any, SupportsIndex

from plugin_core.errors import InvalidValueError
from plugin_core.model import names
from plugin_core.model.components import Component
from plugin_core.model.queries import ComponentQuery, SortBy
from plugin_core.tracking.engine import engine
from plugin_core.tracking.run import Run
from plugin_core.tracking.settings import is_disabled

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore
    from plugin_core.tracking.elsewhere import Elsewhere


class SortByType(enum.Enum):
    """What ``list_runs`` sorts by."""

    CREATION_TIME = "CreationTime"
    NAME = "Name"


class SortOrderType(enum.Enum):
    """Which way ``list_runs`` sorts."""

    ASCENDING = "Ascending"
    DESCENDING = "Descending"


class RunList(list[Run]):
    """Runs, and ``next_token`` for the page after them: None on the last page."""

    next_token: str | None = None


def list_runs(
    experiment_name: str,
    created_before: datetime | None = None,
    created_after: datetime | None = None,
    sagemaker_session: Any = None,
    max_results: int | None = None,
    next_token: str | None = None,
    sort_by: SortByType = SortByType.CREATION_TIME,
    sort_order: SortOrderType = SortOrderType.DESCENDING,
) -> RunList:
    """List an experiment's runs, from one query; reading one thing of any of them reads it for all of them.

    ``max_results`` bounds the list, ``next_token`` (of the list before) goes on after it. NotFoundError
    for an experiment that does not exist.
    """
    if is_disabled():
        return RunList()
    experiment = names.check_entity_name("experiment_name", experiment_name).lower()
    place = None
    if sagemaker_session is not None:
        from plugin_core.tracking.elsewhere import elsewhere

        place = elsewhere(sagemaker_session, None)
    store = _store(place)
    store.experiment(experiment)
    by_name = sort_by is SortByType.NAME
    query = ComponentQuery(
        experiment=experiment,
        tag=names.RUN_SOURCE_TAG,
        created_before=created_before,
        created_after=created_after,
        sort_by=SortBy.NAME if by_name else SortBy.CREATED,
        descending=sort_order is SortOrderType.DESCENDING,
        limit=_limit(max_results),
        after=_keyset(next_token),
    )
    components = store.components(query)
    runs = RunList(_handles(store, components, place))
    if max_results is not None and len(components) == max_results and components:
        runs.next_token = _token(components[-1], by_name=by_name)
    return runs


def find_runs(
    *, component_names: tuple[str, ...] = (), parent: str | None = None, at: Elsewhere | None = None
) -> list[Run]:
    """Runs by component name, or the children of one, oldest first."""
    store = _store(at)
    query = ComponentQuery(names=component_names, parent=parent, descending=False)
    return _handles(store, store.components(query), at)


def _store(place: Elsewhere | None) -> TrackingStore:
    return (engine() if place is None else place.engine).store


def components_of_executions(system: str, execution_ids: Sequence[str]) -> dict[str, list[Component]]:
    """What is recorded of each of an orchestrator's executions, by its id there: itself and its steps."""
    store = engine().store
    return {
        each: store.components(ComponentQuery(orchestrator_system=system, execution_id=each)) for each in execution_ids
    }


def run_of(component: Component) -> Run:
    """A handle on a component that was read from the store."""
    return _handles(engine().store, [component])[0]


def _handles(store: TrackingStore, components: list[Component], place: Elsewhere | None = None) -> list[Run]:
    from plugin_core.tracking.reading import Cohort

    cohort, pid = Cohort(store, components), os.getpid()
    return [Run._listed(component, cohort, pid, place) for component in components]  # noqa: SLF001 - the one maker


def _limit(max_results: object) -> int | None:
    """How many runs at most; InvalidValueError for what is no count."""
    if max_results is None:
        return None
    if isinstance(max_results, SupportsIndex) and not isinstance(max_results, bool) and index(max_results) > 0:
        return index(max_results)
    raise InvalidValueError(
        f"max_results must be an int of 1 or more, not {max_results!r}.", hint="Leave it out to list all."
    )


def _token(last: Component, *, by_name: bool) -> str:
    value = last.name.casefold() if by_name else round(last.created_at.timestamp() * 1_000_000)
    return base64.urlsafe_b64encode(json.dumps([value, last.id]).encode()).decode()


def _keyset(token: str | None) -> tuple[str | int, int] | None:
    if token is None:
        return None
    try:
        value, component_id = json.loads(base64.urlsafe_b64decode(token))
        return value, int(component_id)
    except (ValueError, TypeError, binascii.Error) as error:
        raise InvalidValueError(
            f"next_token {token!r} is not one that list_runs gave.", hint="Pass on the list's next_token unchanged."
        ) from error
