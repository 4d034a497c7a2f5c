"""torch, where it is installed."""

import io

import numpy as np
import pytest

torch = pytest.importorskip("torch")


def test_a_tensor_is_an_array(artifact) -> None:
    found = artifact(torch.arange(3))

    assert found.identity == artifact(np.arange(3)).identity
    assert found.properties["type"] == "torch.Tensor"


def test_a_module_is_stored_without_pickle(artifact) -> None:
    found = artifact(torch.nn.Linear(2, 1))

    assert (found.type, found.properties["parameters"]) == ("Model", "3")
    assert set(np.load(io.BytesIO(found.payload.write()), allow_pickle=False)) == {"weight", "bias"}
