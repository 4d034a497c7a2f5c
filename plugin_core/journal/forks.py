"""What a forked child must do before anything else of ours runs in it: forget its parent's threads, locks and files."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something whose state is this process's alone."""

    def in_child(self) -> None:
        """Begin afresh. No lock may be taken: a thread that is not here may hold it."""


_members: WeakSet[Forked] = WeakSet()


def begin_afresh_in_children(member: Forked) -> None:
    """Have ``in_child`` called in every forked child for as long as ``member`` lives."""
    _members.add(member)


def _in_child() -> None:
    for member in list(_members):
        member.in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
