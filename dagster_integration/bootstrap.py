"""What makes a process record its Dagster runs from the start: for ``flowtrail run``."""

from __future__ import annotations

from collections.abc import Mapping

from plugin_core.capture.startup import startup_environment


def bootstrap_env(environ: Mapping[str, str]) -> dict[str, str]:
    """Additions to a child's environment, so that it and its children record: scripts, ``dagster``, its servers."""
    return startup_environment(environ, orchestrator="dagster", autolog="dagster_integration:autolog")
