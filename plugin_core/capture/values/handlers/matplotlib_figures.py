"""matplotlib figures: copied at once, drawn as PNG later.

Drawing takes longer than a value may cost. The copy is a pickle of ours, in memory alone, and without the tie to
pyplot that would show it to the user's code.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from plugin_core.capture.values.budget import BoundedBytes
from plugin_core.capture.values.context import Context
from plugin_core.capture.values.description import DescribedArtifact, Description, Payload
from plugin_core.model.lineage import ArtifactType

_LISTED: Final = 20
_COPY_SHARE: Final = 0.8


def describe_figure(name: str, value: Any, context: Context) -> Description:
    """A figure as an Image, identified by the copy that was taken of it."""
    width, height = value.get_size_inches()
    titles = [axes.get_title() for axes in value.axes[:_LISTED]]
    copied = _copied(value, context)
    secret = not _is_clean(value, context) or context.redactor.is_secret_name(name)
    stored = copied is not None and not secret and context.stores(len(copied))
    artifact = DescribedArtifact(
        name=name,
        type=ArtifactType.IMAGE,
        media_type="image/png",
        identity=None if copied is None or secret else _identity(copied, context),
        properties={
            **context.type_of(value),
            "inches": f"{width:g} x {height:g}",
            "axes": str(len(value.axes)),
            "preview": context.text("; ".join(title for title in titles if type(title) is str and title)),
            **({"payload": "withheld"} if secret else {}),
        },
        payload=_payload(copied, float(value.dpi)) if stored and copied is not None else None,
    )
    return Description(artifacts=(artifact,))


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, Figure):
            return NotImplemented
        reduced: Any = obj.__reduce_ex__(2)
        state = {key: item for key, item in reduced[2].items() if key != "_restore_to_pylab"}
        return (*reduced[:2], state, *reduced[3:])


def _copied(figure: Any, context: Context) -> bytes | None:
    if context.limits.level != "full":
        return None
    out = BoundedBytes(context.budget.stage(_COPY_SHARE), context.limits.max_bytes)
    try:
        _Pickler(out, protocol=5).dump(figure)
    except Exception:  # noqa: BLE001 - figures with callbacks of the user's cannot be copied; they are described
        return None
    return out.getvalue()


def _identity(copied: bytes, context: Context) -> str:
    digest = context.digest("figure")
    digest.update(copied)
    return digest.identity()


def _is_clean(figure: Any, context: Context) -> bool:
    from matplotlib.text import Text

    texts = [text.get_text() for text in figure.findobj(Text)]
    return context.is_clean("\n".join(text for text in texts if type(text) is str)[: context.limits.text])


def _payload(copied: bytes, dpi: float) -> Payload:
    def write() -> bytes:
        figure: Any = pickle.loads(copied)  # noqa: S301 - made above, by this process, and kept in memory only
        FigureCanvasAgg(figure)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=dpi)
        return out.getvalue()

    return Payload("image/png", ".png", write)
