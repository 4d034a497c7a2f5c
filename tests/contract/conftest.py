"""Tests of the contract that a store does not keep: its module says which, and why, in ``NOT_KEPT``."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if _is_left_out(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _is_left_out(item: pytest.Item) -> bool:
    module = getattr(item, "module", None)
    not_kept: dict[str, str] = getattr(module, "NOT_KEPT", {})
    return item.name in not_kept or item.name.partition("[")[0] in not_kept
