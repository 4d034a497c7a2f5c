"""What an update gives back as it was told: clients send whole entities, of which they changed a part.

It is no change. So it is not held to limits that a step's record need not keep, and what the protocol has no
word for (an integer, a list) stays what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from plugin_core.model.queries import ComponentQuery
from plugin_core.wire import entities

if TYPE_CHECKING:
    from plugin_core.model.components import Component
    from plugin_core.stores.protocol import TrackingStore

PARAMETERS: Final = "Parameters"
ARTIFACTS: Final = {"InputArtifacts": False, "OutputArtifacts": True}  # whether they are outputs
_NAME: Final = "TrialComponentName"


def without_echoes(store: TrackingStore, given: Any) -> Any:
    """An update of a component without what it is told already; anything else as it is."""
    name = given.get(_NAME) if isinstance(given, dict) else None
    found = store.components(ComponentQuery(names=(name,))) if isinstance(name, str) and name.isascii() else ()
    return changed(given, told(store, found[0], given)) if found else given


def told(store: TrackingStore, component: Component, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Of a component what an update is about, as it was described to the client."""
    node = component.id
    answer: dict[str, Any] = {"DisplayName": component.display_name}
    if PARAMETERS in asked:
        values = store.parameters([node])[node]
        answer[PARAMETERS] = {name: entities.parameter(value) for name, value in values.items()}
    for word, is_output in ARTIFACTS.items():
        if word in asked:
            answer[word] = entities.artifact_entries(store.artifact_values([node], is_output=is_output)[node])
    return answer


def changed(given: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an update that differ from what was told, maps entry by entry."""
    return {word: _new(value, told.get(word)) for word, value in given.items() if value != told.get(word)}


def _new(given: Any, told: Any) -> Any:
    if not (isinstance(given, dict) and isinstance(told, dict)):
        return given
    return {key: value for key, value in given.items() if key not in told or value != told[key]}
