"""torch tensors and modules.

torch is too large to install for a test: a stand-in with the same names holds numpy arrays.
"""

import io
import sys
import types

import numpy as np
import pytest


class Tensor:
    __module__ = "torch"
    device = "cuda:0"

    def __init__(self, array, *, on_device=False):
        self._array, self._on_device = array, on_device
        self.shape, self.dtype = array.shape, array.dtype

    def detach(self):
        return self

    def numel(self):
        return self._array.size

    def numpy(self):
        if self._on_device:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        return self._array


class Module:
    __module__ = "torch.nn.modules.module"

    def __init__(self, **tensors):
        self._tensors = tensors

    def state_dict(self):
        return self._tensors


@pytest.fixture
def torch(monkeypatch):
    stand_in, nn = types.ModuleType("torch"), types.ModuleType("torch.nn")
    stand_in.Tensor, nn.Module, stand_in.nn = Tensor, Module, nn
    monkeypatch.setitem(sys.modules, "torch", stand_in)
    monkeypatch.setitem(sys.modules, "torch.nn", nn)
    return stand_in


@pytest.mark.usefixtures("torch")
def test_a_tensor_in_memory_is_an_array(artifact) -> None:
    found = artifact(Tensor(np.arange(3)))

    assert found.identity == artifact(np.arange(3)).identity
    assert found.properties["type"] == "torch.Tensor"


@pytest.mark.usefixtures("torch")
def test_a_tensor_on_a_device_is_described_by_its_shape(artifact) -> None:
    found = artifact(Tensor(np.zeros((2, 3)), on_device=True))

    assert (found.identity, found.payload) == (None, None)
    assert (found.properties["shape"], found.properties["device"]) == ("2 x 3", "cuda:0")


@pytest.mark.usefixtures("torch")
def test_a_module_is_identified_by_its_state_and_stored_without_pickle(artifact) -> None:
    found = artifact(Module(weight=Tensor(np.ones((1, 2))), bias=Tensor(np.zeros(1))))

    assert (found.type, found.properties["parameters"]) == ("Model", "3")
    assert found.properties["preview"] == "weight: (1, 2)\nbias: (1,)"
    assert found.identity == artifact(Module(bias=Tensor(np.zeros(1)), weight=Tensor(np.ones((1, 2))))).identity
    assert found.identity != artifact(Module(bias=Tensor(np.ones(1)), weight=Tensor(np.ones((1, 2))))).identity
    assert set(np.load(io.BytesIO(found.payload.write()), allow_pickle=False)) == {"weight", "bias"}


@pytest.mark.usefixtures("torch")
def test_a_module_on_a_device_is_described(artifact) -> None:
    found = artifact(Module(weight=Tensor(np.ones((1, 2)), on_device=True)))

    assert (found.identity, found.payload, found.properties["parameters"]) == (None, None, "2")


@pytest.mark.usefixtures("torch")
def test_a_large_module_is_sampled(artifact) -> None:
    def module(end: float) -> Module:
        return Module(weight=Tensor(np.append(np.ones(1_500_000), end)))

    assert artifact(module(1)).identity.startswith("sample-sha256:")
    assert artifact(module(1)).identity == artifact(module(1)).identity != artifact(module(2)).identity
