"""One way to describe a value, with a memory of secrets of its own and no hurry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugin_core.capture.values import Description, Limits, describe
from plugin_core.redaction import Redactor, SecretMemory


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(memory=SecretMemory())


@pytest.fixture
def described(redactor: Redactor) -> Callable[..., Description]:
    def run(value: Any, name: str = "x", **limits: Any) -> Description:
        return describe(name, value, limits=Limits(**{"budget_s": 5.0, **limits}), redactor=redactor)

    return run


@pytest.fixture
def artifact(described: Callable[..., Description]) -> Callable[..., Any]:
    """The one artifact that a value becomes."""

    def run(value: Any, name: str = "x", **limits: Any) -> Any:
        (found,) = described(value, name, **limits).artifacts
        return found

    return run
