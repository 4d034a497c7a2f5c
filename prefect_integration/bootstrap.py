"""What makes a process record its Prefect flows from the start: for ``flowtrail run``."""

from __future__ import annotations

from collections.abc import Mapping

from plugin_core.capture.startup import startup_environment


def bootstrap_env(environ: Mapping[str, str]) -> dict[str, str]:
    """Additions to the environment of a child, so that it and its children record: scripts, modules, ``prefect``."""
    return startup_environment(environ, orchestrator="prefect", autolog="prefect_integration:autolog")
