"""Which operations there are: each is a function that says its service, and what its caller must be permitted."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from plugin_core.wire.caller import Permission
from plugin_core.wire.request import Request
from plugin_core.wire.services import SAGEMAKER

if TYPE_CHECKING:
    from plugin_core.stores.protocol import TrackingStore

Answer: TypeAlias = dict[str, Any]
Perform: TypeAlias = Callable[[Request], Answer]
Spare: TypeAlias = Callable[["TrackingStore", Any], Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as AWS names it, and what does it.

    ``spared`` takes out of a request that breaks a rule what need not keep it; the rest is checked again.
    """

    name: str
    service: str
    permission: Permission
    perform: Perform
    spared: Spare | None = None


_registered: Final[dict[str, Operation]] = {}


def operation(
    permission: Permission, *, service: str = SAGEMAKER, spared: Spare | None = None
) -> Callable[[Perform], Perform]:
    """Register a function as the operation that its name says: ``create_trial`` is CreateTrial."""

    def register(perform: Perform) -> Perform:
        name = "".join(word.capitalize() for word in perform.__name__.split("_"))
        _registered[name] = Operation(name, service, permission, perform, spared)
        return perform

    return register


@functools.cache
def operations() -> Mapping[str, Operation]:
    """All operations by name."""
    from plugin_core.wire import operations as rooms

    rooms.load()
    return MappingProxyType(_registered)
