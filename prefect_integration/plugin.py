"""Prefect's start-up hook (``prefect.plugins``): records from the moment Prefect is imported.

Prefect runs it where ``PREFECT_PLUGINS_ENABLED`` is set, except when it is first imported inside a
running event loop; ``flowtrail run`` and ``autolog()`` work there too.
"""

from __future__ import annotations

from typing import Any

from prefect.plugins import register_hook

from prefect_integration import autolog


@register_hook
def setup_environment(*, ctx: Any) -> None:
    """Begin to record; nothing in the environment is changed."""
    del ctx
    autolog()
