"""How a run's address travels to child processes: one environment variable, without credentials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Final

from plugin_core.model import names
from plugin_core.model.plain import value
from plugin_core.tracking.settings_values import has_credentials

RUN_CONTEXT_VARIABLE: Final = "FLOWTRAIL_RUN_CONTEXT"
JOB_VARIABLE: Final = "TRAINING_JOB_ARN"  # SageMaker's own: where its SDK looks for the job that it is in
_FORMAT_VERSION: Final = 1


@value
class RunAddress:
    """Where a run is, for any process: its names, and the store and folders of the process that opened it.

    ``journal`` is the opener's journal. While its owner lives, short-lived children leave it to drain
    what they wrote.
    """

    experiment: str
    trial: str
    run_name: str
    component: str
    attempt: int = 1
    store: str | None = None
    blobs: str | None = None
    spool: str | None = None
    journal: str | None = None


def to_env(address: RunAddress) -> dict[str, str]:
    """The environment additions for a child. A store URL that holds a password is left out."""
    content = {key: value for key, value in asdict(address).items() if value is not None}
    for key in ("store", "blobs"):
        if key in content and has_credentials(content[key]):
            del content[key]
    return {RUN_CONTEXT_VARIABLE: json.dumps({"v": _FORMAT_VERSION, **content}, separators=(",", ":"))}


def to_job_env(address: RunAddress) -> dict[str, str]:
    """The environment additions by which SageMaker's SDK finds the run in a child."""
    return {JOB_VARIABLE: job_arn(address)}


def job_arn(address: RunAddress) -> str:
    """What the run is called as a training job, under which a server of its record describes it."""
    return names.arn("training-job", names.job_slug(address.component))


def from_env(environ: Mapping[str, str]) -> RunAddress | None:
    """The address that the parent left, or None: nothing there, or nothing that this version can read."""
    text = environ.get(RUN_CONTEXT_VARIABLE)
    if not text:
        return None
    try:
        content = json.loads(text)
        known = {f.name for f in fields(RunAddress)}
        return RunAddress(**{key: value for key, value in content.items() if key in known})
    except (ValueError, TypeError, AttributeError):
        return None
