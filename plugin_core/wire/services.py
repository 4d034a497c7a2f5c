"""The service models that botocore carries, cut to the operations that are served, read once at start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.loaders import Loader

SAGEMAKER: Final = "sagemaker"
METRICS: Final = "sagemaker-metrics"
TARGET_PREFIX: Final = "SageMaker."


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """The operations and shapes of one service, as botocore's JSON has them."""

    operations: Mapping[str, Mapping[str, Any]]
    shapes: Mapping[str, Mapping[str, Any]]

    def input_shape(self, operation: str) -> str | None:
        """The name of an operation's input, None if it takes nothing."""
        given: str | None = self.operations[operation].get("input", {}).get("shape")
        return given


def load_model(service: str) -> ServiceModel:
    """Read a service's model; the newest version that this botocore has."""
    raw = Loader().load_service_model(service, "service-2")
    return ServiceModel(raw["operations"], raw["shapes"])


def missing_operations(model: ServiceModel, names: Iterable[str]) -> list[str]:
    """Those of the operations that this botocore does not know."""
    return [name for name in names if name not in model.operations]
