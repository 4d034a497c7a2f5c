"""scikit-learn estimators: their parameters, a hash of their state, and a pickle that is marked untrusted.

Nothing is ever unpickled by flowtrail.
"""

from __future__ import annotations

import pickle
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator

from plugin_core.capture.values.budget import BoundedBytes, Budget, BudgetSpentError, Digest
from plugin_core.capture.values.columns import UnknownCellError, cell_bytes
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.description import DescribedArtifact, Description, Payload
from plugin_core.capture.values.handlers.arrays import array_bytes, update_array
from plugin_core.capture.values.inspection import class_name, instance_dict, is_a, module_name
from plugin_core.capture.values.preview import brief
from plugin_core.model.lineage import ArtifactType
from plugin_core.model.metrics import Json
from plugin_core.redaction import is_secret_type

_MEDIA_TYPE: Final = "application/x-python-pickle"
_OWN: Final = frozenset({"sklearn", "numpy", "scipy"})  # whose extension types are asked for their state
_MAX_DEPTH: Final = 40
_STATE_SHARE: Final = 0.7
_PICKLE_SHARE: Final = 0.5
_PLAIN: Final = frozenset(map(id, (str, int, float, bool, type(None))))
_SMALL_ARRAY: Final = 1 << 16
_FLUSHED: Final = 4_096  # parts; the clock is looked at with each flush


def describe_estimator(name: str, value: Any, context: Context) -> Description:
    """An estimator as a Model."""
    parameters, secret = _parameters(value, context)
    state = instance_dict(value)
    data = None if secret else _pickled(value, context)
    # Where the time does not do to walk the state, the pickle is the content that was read.
    identity = None if secret else _identity(value, context) or _of_pickle(data, context)
    artifact = DescribedArtifact(
        name=name,
        type=ArtifactType.MODEL,
        media_type=None if data is None else _MEDIA_TYPE,
        identity=identity,
        properties={
            **context.type_of(value),
            "fitted": str(_is_fitted(value)).lower(),
            **({"features": str(n)} if type(n := state.get("n_features_in_")) is int else {}),
            "preview": context.text(type(value).__name__ + _shown(parameters)),
            **({"payload": "withheld"} if secret else {}),
            **({"untrusted": "pickle"} if data is not None else {}),
        },
        parameters=parameters,
        payload=None if data is None else _payload(data, context),
    )
    return Description(artifacts=(artifact,))


def _parameters(value: Any, context: Context) -> tuple[dict[str, Json], bool]:
    """Dotted names and values of the constructor's parameters, nested ones too, and whether one is secret."""
    found: dict[str, Json] = {}
    secret = False
    raw = list(value.get_params(deep=True).items())[: context.limits.items]
    for key, item in raw:
        dotted = str(key).replace("__", ".")
        shown = brief(dotted, item, context)
        secret = secret or is_secret_type(item) or (item is not None and context.redactor.hides(dotted, item))
        secret = secret or (type(item) is str and shown != item and context.redactor.text(item) != item)
        found[dotted] = shown
    return found, secret


def _is_fitted(value: Any) -> bool:
    """By scikit-learn's convention: fitting sets names that end in an underscore. A pipeline's steps have them."""
    nested = [item for item in value.get_params(deep=True).values() if is_a(type(item), BaseEstimator)]
    return any(key.endswith("_") and not key.startswith("_") for one in (value, *nested) for key in instance_dict(one))


def _shown(parameters: dict[str, Json]) -> str:
    return "(" + ", ".join(f"{key}={value!r}" for key, value in parameters.items() if "." not in key) + ")"


def _identity(value: Any, context: Context) -> str | None:
    budget = context.budget.stage(_STATE_SHARE)
    state = _State(context.digest("estimator", budget), budget)
    try:
        state.update(value, 0)
        return state.identity()
    except (BudgetSpentError, UnknownCellError):
        return None


class _State:
    """Hashes the state of an estimator: plain values, arrays, and objects of scikit-learn, numpy and scipy."""

    def __init__(self, digest: Digest, budget: Budget) -> None:
        self._digest = digest
        self._budget = budget
        self._parts: list[bytes] = []

    def identity(self) -> str:
        """The hash of everything so far."""
        self._flush()
        return self._digest.identity()

    def update(self, value: Any, depth: int) -> None:
        """Hash one value. Raises UnknownCellError for objects whose state cannot be read without their code."""
        cls = type(value)
        if id(cls) in _PLAIN:
            self._add(cell_bytes(value))
        elif depth > _MAX_DEPTH:
            raise UnknownCellError
        elif cls is dict:
            self._dict(value, depth)
        elif cls is list or cls is tuple:
            self._add(b"%d %d" % (cls is list, len(value)))
            for item in value:
                self.update(item, depth + 1)
        elif cls is np.ndarray:
            self._array(value, depth)
        else:
            self._object(cls, value, depth)

    def _object(self, cls: type, value: Any, depth: int) -> None:
        if is_a(cls, BaseEstimator):
            self._add(class_name(cls).encode())
            self._dict(instance_dict(value), depth)
        elif module_name(cls).partition(".")[0] in _OWN and not is_a(cls, np.generic):
            self._reduced(value, depth)
        else:
            self._add(cell_bytes(value))

    def _add(self, data: bytes) -> None:
        self._parts += (len(data).to_bytes(4, "little"), data)
        if len(self._parts) > _FLUSHED:
            self._flush()

    def _flush(self) -> None:
        self._digest.update(b"".join(self._parts))
        self._parts.clear()

    def _dict(self, value: dict[Any, Any], depth: int) -> None:
        self._add(b"dict %d" % len(value))
        for key, item in value.items():
            self.update(key, depth + 1)
            self.update(item, depth + 1)

    def _array(self, value: Any, depth: int) -> None:
        if value.dtype.kind == "O":
            self._add(f"objects {value.shape}".encode())
            for item in value.flat:
                self.update(item, depth + 1)
        elif value.nbytes <= _SMALL_ARRAY:
            self._add(array_bytes(value))
        else:
            self._flush()
            update_array(self._digest, value, self._budget)

    def _reduced(self, value: Any, depth: int) -> None:
        self._add(class_name(type(value)).encode())
        reduced = value.__reduce_ex__(2)
        if type(reduced) is not tuple:
            raise UnknownCellError
        for part in reduced[1:3]:
            self.update(part, depth + 1)


def _pickled(value: Any, context: Context) -> bytes | None:
    if not context.stores(0):
        return None
    file = BoundedBytes(context.budget.stage(_PICKLE_SHARE), context.limits.max_bytes)
    try:
        pickle.Pickler(file, protocol=5).dump(value)
    except Exception:  # noqa: BLE001 - whatever a user's class raises when pickled: it is not stored then
        return None
    return file.getvalue()


def _of_pickle(data: bytes | None, context: Context) -> str | None:
    if data is None:
        return None
    digest = context.digest("")
    try:
        digest.update(data)
    except BudgetSpentError:
        return None
    return digest.identity()


def _payload(data: bytes, context: Context) -> Payload:
    return Payload(_MEDIA_TYPE, ".pkl", lambda: data if context.redactor.is_clean(data) else None)
