"""PIL images and plotly figures. An image that is not loaded yet stays so: reading it would change the object."""

from __future__ import annotations

import io
import json
import pathlib
from typing import Any, Final

from plugin_core.capture.values.budget import Budget, BudgetSpentError, Digest
from plugin_core.capture.values.columns import identify, withheld
from plugin_core.capture.values.content import NotJsonError, read, to_json_bytes
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.description import DescribedArtifact, Description, Payload
from plugin_core.capture.values.inspection import instance_dict
from plugin_core.model.lineage import ArtifactType

_PLOTLY: Final = "application/vnd.plotly.v1+json"
_AS_PNG: Final = frozenset({"1", "L", "LA", "I;16", "P", "RGB", "RGBA"})
_AS_TIFF: Final = frozenset({"I", "F"})  # 32 bits, which PNG has not
_SAMPLED_ROWS: Final = 64


def describe_image(name: str, value: Any, context: Context) -> Description:
    """A PIL image by its pixels, or, while it is not loaded, by its file."""
    state = instance_dict(value)
    loaded = state.get("_im", state.get("im")) is not None
    width, height = value.size
    size = width * height * len(value.getbands()) * (4 if value.mode in {"I", "F"} else 1)
    path = state.get("filename")
    location = pathlib.Path(path).absolute().as_uri() if type(path) is str and path else None
    location = None if location is None else context.redactor.text(location)
    payload = _image_payload(value, size, context) if loaded else None
    artifact = DescribedArtifact(
        name=name,
        type=ArtifactType.IMAGE,
        media_type=None if payload is None else payload.media_type,
        identity=_image_identity(value, size, context) if loaded else location,
        location=location,
        size_bytes=size,
        properties={**context.type_of(value), "mode": value.mode, "pixels": f"{width} x {height}"},
        payload=payload,
    )
    return Description(artifacts=(artifact,))


def _image_identity(image: Any, size: int, context: Context) -> str | None:
    header = f"image {image.mode} {image.size}"

    def whole(digest: Digest, _: Budget) -> None:
        digest.text(header)
        digest.text(str(image.getpalette()) if image.mode == "P" else "")
        digest.update(image.tobytes())

    def sample(digest: Digest, _: Budget) -> None:
        digest.text(header)
        width, height = image.size
        for i in range(_SAMPLED_ROWS):
            row = (height - 1) * i // (_SAMPLED_ROWS - 1)
            digest.update(image.crop((0, row, min(width, 4_096), row + 1)).tobytes())

    return identify(context, size, whole, sample)


def _image_payload(image: Any, size: int, context: Context) -> Payload | None:
    if not context.stores(size):
        return None
    is_deep = image.mode in _AS_TIFF
    snapshot = image.copy()
    snapshot.info = {}  # text chunks of the file it came from may hold anything

    def write() -> bytes:
        out = io.BytesIO()
        kept = snapshot.mode in _AS_PNG or is_deep
        (snapshot if kept else snapshot.convert("RGBA")).save(out, format="TIFF" if is_deep else "PNG")
        return out.getvalue()

    return Payload("image/tiff", ".tiff", write) if is_deep else Payload("image/png", ".png", write)


def describe_plotly(name: str, value: Any, context: Context) -> Description:
    """A plotly figure as an Image, stored as plotly's JSON."""
    if _plotly_size(value) > context.limits.max_bytes:
        properties = {**context.type_of(value), "payload": "too large"}
        return Description(artifacts=(DescribedArtifact(name=name, type=ArtifactType.IMAGE, properties=properties),))
    plain = value.to_dict()
    kinds = [str(trace.get("type")) for trace in plain.get("data", []) if isinstance(trace, dict)]
    plain = json.loads(json.dumps(plain, cls=_encoder()))
    try:
        snapshot = read(name, plain, context)
    except (NotJsonError, BudgetSpentError):
        snapshot = None
    secret = snapshot is None or snapshot.has_secret
    copied = None if snapshot is None or secret or not context.stores(snapshot.size) else snapshot.plain

    def write() -> bytes | None:
        data = to_json_bytes(copied)
        return data if context.is_clean(data.decode()) else None

    artifact = DescribedArtifact(
        name=name,
        type=ArtifactType.IMAGE,
        media_type=_PLOTLY,
        identity=None if snapshot is None or secret else snapshot.identity,
        properties={
            **context.type_of(value),
            "traces": str(len(kinds)),
            "preview": context.text(", ".join(kinds)),
            **withheld(secret),
        },
        payload=None if copied is None else Payload(_PLOTLY, ".json", write),
    )
    return Description(artifacts=(artifact,))


def _plotly_size(figure: Any) -> int:
    """Bytes of the arrays in a figure's traces."""
    traces = instance_dict(figure).get("_data", ())
    items = [item for trace in traces if isinstance(trace, dict) for item in trace.values()]
    return sum(
        int(getattr(item, "nbytes", 0)) or (len(item) * 8 if isinstance(item, list | tuple) else 0) for item in items
    )


def _encoder() -> Any:
    from plotly.utils import PlotlyJSONEncoder

    return PlotlyJSONEncoder
