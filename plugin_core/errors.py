"""Every error this library raises.

* FlowtrailError
  * InvalidValueError       a name, parameter, metric or option breaks a documented rule (also a ValueError)
  * NotFoundError           what was asked for does not exist (also a LookupError)
  * ConflictError           it exists already, or changed underneath the caller
  * NoActiveRunError        load_run() with no run given, active or inherited (also a RuntimeError)
  * RunStateError           a Run was used in a way its state does not allow (also a RuntimeError)
  * SettingsError           a setting cannot be read or has a bad value (also a ValueError)
  * StoreError
    * StoreUnavailableError   the store did not answer; retrying may help
    * StoreReadOnlyError      the store answered, and cannot be written
    * StoreVersionError       the store was made by a newer flowtrail
    * ArtifactCorruptError    stored bytes do not match their checksum
  * UnflushedError          strict mode only: events are still in the journal when they had to be in the store

Stores translate their drivers' errors into these; dialects and the wire translate these into their
callers'. Nothing in between catches them. Each message says what happened and, where there is
something to do, what to do about it; each class has a stable ``code`` that the reference explains.
"""

from __future__ import annotations

from typing import ClassVar


class FlowtrailError(Exception):
    """Base of all. ``hint`` is one sentence that says what to do."""

    code: ClassVar[str] = "flowtrail-E000"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        return f"{self.message}{hint} [{self.code}]"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process pools: rebuild from state, since the subclasses' arguments differ.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[FlowtrailError], args: tuple[object, ...], state: dict[str, object]) -> FlowtrailError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidValueError(FlowtrailError, ValueError):
    """A name, parameter, metric or option breaks a documented rule."""

    code = "flowtrail-E001"


class NotFoundError(FlowtrailError, LookupError):
    """The named thing does not exist in this store."""

    code = "flowtrail-E002"

    def __init__(self, kind: str, name: str, *, hint: str | None = None) -> None:
        super().__init__(f"{kind} {name!r} does not exist.", hint=hint)
        self.kind, self.name = kind, name


class ConflictError(FlowtrailError):
    """It exists already, is still in use, or changed underneath the caller. ``kind`` and ``name`` say what, if one."""

    code = "flowtrail-E003"

    def __init__(
        self, message: str, *, kind: str | None = None, name: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind, self.name = kind, name


class NoActiveRunError(FlowtrailError, RuntimeError):
    """``load_run()`` found no run. ``trail`` lists each place it looked at and what was there."""

    code = "flowtrail-E004"

    def __init__(self, message: str, *, trail: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.trail = trail


class RunStateError(FlowtrailError, RuntimeError):
    """A Run was used in a way that its state does not allow."""

    code = "flowtrail-E005"


class SettingsError(FlowtrailError, ValueError):
    """A setting cannot be read or has a bad value."""

    code = "flowtrail-E006"


class StoreError(FlowtrailError):
    """Something between us and the record is wrong."""

    code = "flowtrail-E010"


class StoreUnavailableError(StoreError):
    """The store did not answer; retrying may help. ``is_new``: it answered, and nothing was ever recorded there."""

    code = "flowtrail-E011"
    is_new: bool = False


class StoreReadOnlyError(StoreError):
    """The store answered, and cannot be written."""

    code = "flowtrail-E012"


class StoreVersionError(StoreError):
    """The store's schema is newer than this flowtrail can write."""

    code = "flowtrail-E013"


class ArtifactCorruptError(StoreError):
    """Stored bytes do not match the checksum under which they are kept."""

    code = "flowtrail-E014"


class UnflushedError(FlowtrailError):
    """Strict mode: ``count`` events wait in the journal at ``path`` and did not reach the store in time."""

    code = "flowtrail-E015"

    def __init__(self, count: int, path: str) -> None:
        super().__init__(
            f"{count} events have not reached the store; they are safe in {path}.",
            hint="Run `flowtrail recover` when the store is reachable.",
        )
        self.count, self.path = count, path
