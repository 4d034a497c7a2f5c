"""`flowtrail run COMMAND`: starts a command that records itself, and is otherwise as if it had been started directly.

Signals are passed on and the exit status, or the signal that ended the command, becomes our own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from plugin_core.cli.adapters import Bootstrap, bootstraps
from plugin_core.cli.session import ProfileOption, Session, StoreOption
from plugin_core.errors import FlowtrailError
from plugin_core.tracking.carrier import RUN_CONTEXT_VARIABLE
from plugin_core.tracking.intake import has_journals
from plugin_core.tracking.settings import Settings, has_credentials, is_disabled

_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126
_FROM_KERNEL: Final = 0x80  # si_code of a signal that the terminal sent, to the command as well
_NOTHING: Final = "flowtrail: nothing was recorded. If a flow ran, see why: flowtrail doctor"
_PASSED_ON: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


def run(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="The command and its arguments.")],
    experiment: Annotated[
        str | None, typer.Option("--experiment", "-e", metavar="NAME", help="Record into this experiment.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing at the end.")] = False,
    store: StoreOption = None,
    profile: ProfileOption = None,
) -> None:
    """Run a command that records itself, and what it starts."""
    session = Session(store=store, profile=profile)
    chosen = {"FLOWTRAIL_EXPERIMENT": experiment, "FLOWTRAIL_PROFILE": profile}
    environ = dict(os.environ) | {name: text for name, text in chosen.items() if text}
    if not is_disabled():
        environ = recording_environment(environ, session.settings, bootstraps(), says_store=store is not None)
    began, before = datetime.now(UTC), _traces(session)
    status = _run(_with_interpreter(command), environ)
    if not is_disabled():
        _finish(session, began, is_unchanged=before is not None and _traces(session) == before, quiet=quiet)
    _end_like(status)


def recording_environment(
    environ: Mapping[str, str], settings: Settings, adapters: Mapping[str, Bootstrap], *, says_store: bool
) -> dict[str, str]:
    """The child's environment: where to record, whatever its working directory, and what each adapter adds.

    A store URL with a password in it is left to the sources that the child reads itself.
    """
    places = {"STORE": settings.store, "BLOBS": settings.blobs, "SPOOL_DIR": str(settings.spool_dir)}
    ours = {f"FLOWTRAIL_{name}": text for name, text in places.items() if not has_credentials(text)}
    made = {**environ, **ours}
    if says_store:
        made.pop(RUN_CONTEXT_VARIABLE, None)  # the store that was asked for, not that of the enclosing step
    for name, bootstrap in adapters.items():
        try:
            made |= bootstrap(made)
        except Exception as error:  # noqa: BLE001 - the command runs, if need be without a record
            print(f"flowtrail: {name} will not be recorded ({type(error).__name__}: {error})", file=sys.stderr)
    return made


def _with_interpreter(command: Sequence[str]) -> list[str]:
    """``flowtrail run flow.py`` means Python, unless the file runs by itself."""
    first = command[0]
    is_script = first.endswith(".py") and os.path.isfile(first) and not os.access(first, os.X_OK)  # noqa: PTH113
    return [sys.executable, *command] if is_script else list(command)


def _run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run to the end; the return code as subprocess counts it: negative for a signal."""
    try:
        if hasattr(signal, "sigwaitinfo") and hasattr(os, "posix_spawnp"):
            return _run_passing_signals(command, environ)
        return subprocess.run(command, env=dict(environ), check=False).returncode  # noqa: S603 - the user's own command
    except FileNotFoundError:
        print(f"flowtrail: {command[0]}: command not found", file=sys.stderr)
        raise typer.Exit(_NOT_FOUND) from None
    except OSError as error:
        print(f"flowtrail: {command[0]}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(_NOT_EXECUTABLE) from None


def _run_passing_signals(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Block signals and wait for them: no handler runs, none is lost, and who sent one is known."""
    passed = {getattr(signal, name) for name in _PASSED_ON}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, passed | {signal.SIGCHLD})
    try:
        reset = [signal.SIGPIPE, signal.SIGXFSZ]  # Python ignores them; the command should not
        child = os.posix_spawnp(command[0], list(command), dict(environ), setsigmask=before, setsigdef=reset)
        while True:
            received = signal.sigwaitinfo(passed | {signal.SIGCHLD})
            if received.si_signo == signal.SIGCHLD:
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended == child:
                    return os.waitstatus_to_exitcode(status)
            elif received.si_code != _FROM_KERNEL:
                os.kill(child, received.si_signo)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _traces(session: Session) -> list[tuple[int, int]] | None:
    """What the database's files look like from the outside: opening it costs more than many a command.

    None for a store that is no file, which has to be asked.
    """
    from plugin_core.tracking.settings_values import sqlite_path_text

    path = (sqlite_path_text(session.settings.store) or "").partition("?")[0]
    if not path:
        return None
    files = [Path(path + suffix) for suffix in ("", "-wal")]
    return [(stat.st_size, stat.st_mtime_ns) for file in files if file.exists() for stat in (file.stat(),)]


def _finish(session: Session, began: datetime, *, is_unchanged: bool, quiet: bool) -> None:
    """Bring in what a killed process left behind, and say in one line what there is to see."""
    line = _NOTHING
    try:
        if has_journals(session.spool):
            session.store()
            is_unchanged = False
        if not quiet and not is_unchanged:
            line = _recorded(session, began)
    except FlowtrailError as error:
        line = f"flowtrail: the record waits in {session.spool}: {error.message} Then: flowtrail recover"
    except Exception as error:  # noqa: BLE001 - the command has run: its status counts, whatever we fail at
        line = f"flowtrail: the record waits in {session.spool} ({type(error).__name__}: {error})"
    if not quiet:
        print(line, file=sys.stderr)


def _recorded(session: Session, began: datetime) -> str:
    from plugin_core.cli.reading import executions
    from plugin_core.cli.terminal import clean, duration

    rows = [row for row in executions(session.store(), datetime.now(UTC)) if row.run.created_at >= began]
    if len(rows) > 1:
        return f"flowtrail: recorded {len(rows)} executions. Look: flowtrail ls"
    if not rows:
        return _NOTHING
    run, steps = rows[0].run, rows[0].steps
    facts = ", ".join(
        part for part in (f"{steps} steps" if steps else "", run.status.value, duration(run.duration_s)) if part
    )
    return f"flowtrail: recorded {clean(run.name)} ({facts}). Look: flowtrail show {run.component}"


def _end_like(status: int) -> None:
    """Exit with the command's status, or end by the signal that ended it."""
    if status >= 0:
        raise typer.Exit(status)
    import resource

    resource.setrlimit(
        resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1])
    )  # one core dump is enough
    sys.stdout.flush()
    sys.stderr.flush()
    if -status not in {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
    raise typer.Exit(128 - status)


# What stands after the first word of the command belongs to the command.
OPTIONS: Final = {"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]}
# The command line with this command only: what the others import would cost the user's command half a second.
alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
alone.command("run", context_settings=OPTIONS)(run)


@alone.callback()
def _keep_its_name() -> None:
    """With a callback, the only command of an app is still called by its name."""
