"""torch tensors and modules. Modules are stored as ``.npz`` of their state: safe to read, no pickle."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np

from plugin_core.capture.values.budget import Budget, Digest
from plugin_core.capture.values.columns import chosen_columns, identify
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.description import DescribedArtifact, Description, Payload
from plugin_core.capture.values.handlers.arrays import describe_as_array, sample_array, update_array
from plugin_core.model.lineage import ArtifactType

_LISTED: Final = 100


def describe_tensor(name: str, value: Any, context: Context) -> Description:
    """A tensor in main memory as an array; one on a device by its shape, since copying it would wait for the device."""
    array = _array(value)
    if array is not None:
        return describe_as_array(name, value, array, context)
    properties = {
        **context.type_of(value),
        "shape": " x ".join(map(str, value.shape)),
        "dtype": str(value.dtype),
        "device": str(value.device),
    }
    return Description(artifacts=(DescribedArtifact(name=name, type=ArtifactType.DATA_SET, properties=properties),))


def describe_module(name: str, value: Any, context: Context) -> Description:
    """A module as a Model: its parameters' shapes, and the hash of its state."""
    state = {key: tensor for key, tensor in value.state_dict().items() if hasattr(tensor, "shape")}
    arrays = {key: _array(tensor) for key, tensor in state.items()}
    known = {key: array for key, array in arrays.items() if array is not None}
    size = sum(array.nbytes for array in known.values())
    complete = len(known) == len(arrays)
    artifact = DescribedArtifact(
        name=name,
        type=ArtifactType.MODEL,
        media_type="application/x-npz" if complete else None,
        identity=_identity(context.type_of(value)["type"], known, size, context) if complete else None,
        size_bytes=size if complete else None,
        properties={
            **context.type_of(value),
            "parameters": str(sum(tensor.numel() for tensor in state.values())),
            "preview": context.text("\n".join(f"{key}: {tuple(state[key].shape)}" for key in list(state)[:_LISTED])),
        },
        payload=_payload(known, size, context) if complete else None,
    )
    return Description(artifacts=(artifact,))


def _array(tensor: Any) -> Any:
    """The tensor's own memory as an array; None on a device, and for types that numpy lacks."""
    try:
        return tensor.detach().numpy()
    except (TypeError, RuntimeError):
        return None


def _identity(kind: str, arrays: dict[str, Any], size: int, context: Context) -> str | None:
    names = sorted(arrays)

    def whole(digest: Digest, budget: Budget) -> None:
        digest.text(kind)
        for name in names:
            digest.text(name)
            update_array(digest, arrays[name], budget)

    def sample(digest: Digest, budget: Budget) -> None:
        digest.text(f"{kind} {size}")
        for at in chosen_columns(len(names)):
            digest.text(names[at])
            sample_array(digest, arrays[names[at]], budget)

    return identify(context, size, whole, sample)


def _payload(arrays: dict[str, Any], size: int, context: Context) -> Payload | None:
    if not context.stores(size):
        return None
    snapshot = {name: array.copy() for name, array in arrays.items()}

    def write() -> bytes:
        out = io.BytesIO()
        np.savez(out, allow_pickle=False, **snapshot)
        return out.getvalue()

    return Payload("application/x-npz", ".npz", write)
