"""``load_run()``: find the run that this code belongs to, wherever it runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from plugin_core.errors import InvalidValueError, NoActiveRunError
from plugin_core.tracking import lifecycle
from plugin_core.tracking.carrier import RUN_CONTEXT_VARIABLE, from_env, to_env, to_job_env
from plugin_core.tracking.current import current_run, installed_resolvers, resolvers
from plugin_core.tracking.run import Run
from plugin_core.tracking.settings import configure, current_settings, is_disabled, origins

_log = logging.getLogger("flowtrail")


def load_run(
    run_name: str | None = None,
    experiment_name: str | None = None,
    sagemaker_session: Any = None,
    artifact_bucket: str | None = None,
    artifact_prefix: str | None = None,
    tags: Mapping[str, str] | list[dict[str, str]] | None = None,
) -> Run:
    """Return a run by its names, or the one that this code runs in.

    With ``run_name`` (and then ``experiment_name``) that run, created if it is missing. Without, in this
    order: the run of the enclosing ``with`` or recorded step; the orchestrator's own context; the
    environment that a recorded parent process left; the only run that is open in this process; what
    installed packages find (entry points ``flowtrail.resolvers``). Inside a recorded step, or a process
    that one started, the run may log without ``with``, and ``with`` on it does not end it.

    NoActiveRunError lists the places that were looked at.
    """
    if is_disabled():
        from plugin_core.tracking.disabled import DisabledRun

        return DisabledRun()
    if run_name is not None:
        return _by_name(run_name, experiment_name, sagemaker_session, artifact_bucket, artifact_prefix, tags)
    if experiment_name is not None:
        _log.warning("load_run() ignores experiment_name %r, since run_name was not given", experiment_name)
    trail: list[str] = ["argument run_name: not given"]
    run = _find(trail)
    if run is None:
        raise NoActiveRunError(
            "Failed to load a Run object. load_run() looked at " + "; ".join(trail) + ".",
            trail=tuple(trail),
            hint="Begin one with `with Run(experiment_name=...)`, call this inside a recorded step, or pass "
            "run_name and experiment_name. In a thread of your own, run the call in contextvars.copy_context().",
        )
    return run


def find_run() -> Run | None:
    """As ``load_run()`` without arguments, but None where there is no run."""
    return None if is_disabled() else _find([])


def adopt(carried: str) -> Run | None:
    """Make this process a child of a run elsewhere, by what ``FLOWTRAIL_RUN_CONTEXT`` would say; None if unreadable.

    For resolvers of processes that a run's address reaches by other ways than their environment.
    """
    address = from_env({RUN_CONTEXT_VARIABLE: carried})
    if address is None:
        return None
    if origins()["store"].kind == "environment":  # this process was told where to record
        address = replace(address, store=None, blobs=None, spool=None, journal=None)
    os.environ |= to_env(address)  # settings and children are found by it, as in any other child
    configure()
    if current_settings().sagemaker_jobs:
        os.environ |= to_job_env(address)
    return Run._resolved(address, loggable=True)  # noqa: SLF001


def _find(trail: list[str]) -> Run | None:
    return (
        _in_context(trail)
        or _from_resolvers(trail)
        or _from_environment(trail)
        or _only_open(trail)
        or _from_installed(trail)
    )


def _by_name(run_name: str, experiment_name: str | None, *options: Any) -> Run:
    if experiment_name is None:
        raise InvalidValueError(
            "load_run() needs experiment_name together with run_name.", hint="Pass the experiment that the run is in."
        )
    if current_run() is not None:
        _log.warning("load_run() takes the run that was named, %s, before the one it was called in", run_name)
    session, bucket, prefix, tags = options
    return Run(
        experiment_name,
        run_name,
        tags=tags,
        sagemaker_session=session,
        artifact_bucket=bucket,
        artifact_prefix=prefix,
    )


def _in_context(trail: list[str]) -> Run | None:
    run = current_run()
    trail.append("current run of this thread or task: none")
    return run


def _from_resolvers(trail: list[str]) -> Run | None:
    for name, resolve in resolvers().items():
        run = resolve()
        if run is not None:
            return run
        trail.append(f"{name}'s own context: no recorded step")
    return None


def _from_environment(trail: list[str]) -> Run | None:
    address = from_env(os.environ)
    if address is None:
        state = "unreadable" if os.environ.get(RUN_CONTEXT_VARIABLE) else "not set"
        trail.append(f"environment variable {RUN_CONTEXT_VARIABLE}: {state}")
        return None
    return Run._resolved(address, loggable=True)  # noqa: SLF001 - the one other maker of handles


def _only_open(trail: list[str]) -> Run | None:
    """A plain thread has no context of its own: with one run open in the process there is no doubt which is meant."""
    handle = lifecycle.only_open()
    if handle is None:
        trail.append(f"runs open in this process: {lifecycle.open_count()}")
        return None
    return Run._resolved(handle, loggable=True)  # noqa: SLF001


def _from_installed(trail: list[str]) -> Run | None:
    for name, resolve in installed_resolvers().items():
        try:
            run = resolve()
        except Exception as error:  # noqa: BLE001 - a plugin's edge: its failure is one more place without a run
            trail.append(f"{name}: {type(error).__name__}")
            continue
        if run is not None:
            return run
        trail.append(f"{name}: no recorded step")
    return None
