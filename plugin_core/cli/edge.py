"""The edge of the process: whatever a command raises becomes a message that helps, and an exit status."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final, TextIO

from plugin_core import errors
from plugin_core.cli.statuses import DAMAGED, DONE, FAILED, INTERRUPTED, OUR_FAULT, STORE, USAGE

# The first class that fits decides: exit status, likely cause, fix.
_EXPLAINED: Final[tuple[tuple[type[errors.FlowtrailError], int, str, str], ...]] = (
    (errors.ArtifactCorruptError, DAMAGED, "the file was changed or damaged where it is stored", "flowtrail doctor"),
    (errors.StoreVersionError, STORE, "a newer flowtrail made this store", "pip install --upgrade flowtrail"),
    (errors.StoreReadOnlyError, STORE, "the file or its folder may not be written", "flowtrail doctor"),
    (errors.StoreError, STORE, "the store is locked, missing, or its disk is full", "flowtrail doctor"),
    (errors.SettingsError, USAGE, "a setting was mistyped", "flowtrail config show --origin"),
    (errors.NotFoundError, FAILED, "it is spelt differently, or not recorded in {store}", "flowtrail ls"),
    (errors.InvalidValueError, USAGE, "an option or name was mistyped", "flowtrail --help"),
    (errors.FlowtrailError, FAILED, "the record is not in the state that this needs", "flowtrail doctor"),
)


def run_guarded(arguments: Sequence[str] | None) -> int:
    """Run the command line; print what it raises as a message; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given and given[0] != "run"  # there it is the command's
    for stream in (sys.stdout, sys.stderr):
        _never_fail_on_characters(stream)
    try:
        status = _app(given)(args=given, prog_name="flowtrail", standalone_mode=False)
    except SystemExit as stop:
        return _status_of(stop)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_went_away()
    except errors.FlowtrailError as error:
        return report(error, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the edge of the process
        return _refuse(error, as_json=as_json) if _is_usage(error) else _report_fault(error, as_json=as_json)
    return status if isinstance(status, int) else DONE


def _app(given: Sequence[str]) -> Callable[..., object]:
    if given[:1] == ["run"]:
        from plugin_core.cli.run import alone

        return alone
    from plugin_core.cli.app import app

    return app


def _is_usage(error: Exception) -> bool:
    """Whether typer refused the arguments. Of its classes for that only one has a public name."""
    from typer import BadParameter

    return isinstance(error, BadParameter.__mro__[1])


def _refuse(error: Any, *, as_json: bool) -> int:
    error.message = error.message.removeprefix("Value error, ")  # typer's validator speaks of itself
    if as_json:
        return report(errors.InvalidValueError(error.format_message()), as_json=True)
    error.show()
    return USAGE


def _never_fail_on_characters(stream: TextIO) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _status_of(stop: SystemExit) -> int:
    if stop.code is None:
        return DONE
    return stop.code if isinstance(stop.code, int) else FAILED


def _reader_went_away() -> int:
    """``flowtrail ls | head``: stop quietly, and keep the interpreter from flushing into the closed pipe."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None
    return DONE


def report(error: errors.FlowtrailError, *, as_json: bool) -> int:
    """Print what happened, the likely cause, the fix and the code to stderr; return the exit status."""
    status, cause, fix = next((s, c, f) for kind, s, c, f in _EXPLAINED if isinstance(error, kind))
    cause = str(getattr(error, "cause", _detail(error) or cause.format(store=_store())))
    fix = error.hint or f"Try: {fix}"
    if as_json:
        content = {"code": error.code, "message": error.message, "cause": cause, "fix": fix}
        print(json.dumps({"error": content}), file=sys.stderr)
    else:
        print(_message(error.message, cause, fix, error.code), file=sys.stderr)
    if _wants_tracebacks():
        traceback.print_exception(error)
    return status


def _message(what: str, cause: str, fix: str, code: str) -> str:
    from plugin_core.cli.terminal import Terminal

    return Terminal.of_process().error_block(what, (("cause", cause), ("fix", fix), ("code", code)))


def _detail(error: BaseException) -> str | None:
    """The driver's own words, where an error was translated from one."""
    from plugin_core.tracking.settings import redacted_url

    text = "" if error.__cause__ is None else str(error.__cause__).strip()
    return redacted_url(text.splitlines()[0]) if text else None


def _report_fault(error: Exception, *, as_json: bool) -> int:
    what = f"flowtrail itself failed: {type(error).__name__}: {error}"
    fix = "FLOWTRAIL_LOG_LEVEL=debug shows where; please report it"
    code = errors.FlowtrailError.code
    if as_json:
        content = {"code": code, "message": what, "cause": "a fault in flowtrail", "fix": fix}
        print(json.dumps({"error": content}), file=sys.stderr)
    else:
        print(_message(what, "a fault in flowtrail", fix, code), file=sys.stderr)
    if _wants_tracebacks():
        traceback.print_exception(error)
    return OUR_FAULT


def _store() -> str:
    from plugin_core.tracking.settings import current_settings, redacted_url

    try:
        return redacted_url(current_settings().store)
    except errors.SettingsError:
        return "this store"


def _wants_tracebacks() -> bool:
    from plugin_core.tracking.settings import current_settings

    try:
        return current_settings().log_level == "debug"
    except errors.SettingsError:
        return os.environ.get("FLOWTRAIL_LOG_LEVEL", "").strip().lower() == "debug"
