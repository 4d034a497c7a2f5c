"""The run of a step in a Pipes process: it travels with the extras that Dagster sends there anyway.

The process needs neither Dagster nor its Pipes library, and whatever it cannot read it does without.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from plugin_core.tracking.carrier import RUN_CONTEXT_VARIABLE, to_env, to_job_env

if TYPE_CHECKING:
    from plugin_core.tracking.run import Run

_VARIABLE: Final = "DAGSTER_PIPES_CONTEXT"
_OPTION: Final = "--dagster-pipes-context"


# In the step


def with_run(extras: Any) -> Any:
    """The extras with the address of the current run among them, if they are as they should be."""
    from plugin_core.tracking.load import find_run

    run = find_run()
    if run is None or not (extras is None or isinstance(extras, Mapping)):
        return extras
    return {**(extras or {}), **to_env(run.address)}


def with_job(variables: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of a Pipes process; where that is wanted, with the one that tells SageMaker's SDK its job."""
    from plugin_core.tracking.load import find_run
    from plugin_core.tracking.settings import current_settings

    run = find_run() if current_settings().sagemaker_jobs else None
    return variables if run is None else {**to_job_env(run.address), **variables}


# In the Pipes process


def resolve() -> Run | None:
    """The run of the step that this Pipes process was started in; None in others, or if it cannot be told."""
    carried = _extras().get(RUN_CONTEXT_VARIABLE)
    if not isinstance(carried, str):
        return None
    from plugin_core.tracking.load import adopt

    return adopt(carried)


def _extras() -> Mapping[str, Any]:
    try:
        found = _opened() or _sent().get("extras")
    except (ValueError, TypeError, AttributeError, OSError, zlib.error):
        return {}
    return found if isinstance(found, Mapping) else {}


def _opened() -> Any:
    """What the script's own Pipes context holds, wherever that was loaded from."""
    module = sys.modules.get("dagster_pipes")
    if module is None or not module.PipesContext.is_initialized():
        return None
    return module.PipesContext.get().extras


def _sent() -> Any:
    """The context as Dagster sends it: JSON, compressed, in base64; itself, or the path of a file that holds it."""
    text = os.environ.get(_VARIABLE) or _argument(sys.argv)
    if text is None:
        return {}
    params = json.loads(zlib.decompress(base64.b64decode(text)))
    if "path" in params:
        return json.loads(Path(params["path"]).read_text("utf-8"))
    return params.get("data", {})


def _argument(words: list[str]) -> str | None:
    for word, after in zip(words, [*words[1:], None], strict=True):
        if word == _OPTION:
            return after
        if word.startswith(f"{_OPTION}="):
            return word.partition("=")[2]
    return None
