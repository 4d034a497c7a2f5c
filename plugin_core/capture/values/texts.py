"""Long texts and bytes: documents and values with a hash of their content."""

from __future__ import annotations

from typing import Any, Final

from plugin_core.capture.values.budget import BudgetSpentError, Digest
from plugin_core.capture.values.context import PAYLOAD_WITHHELD, Context
from plugin_core.capture.values.description import DescribedArtifact, Description, Payload
from plugin_core.capture.values.inspection import is_a
from plugin_core.model.lineage import ArtifactType
from plugin_core.redaction import REDACTED

_SCANNED: Final = 8_192
_BLOCKS: Final = 64
_SAMPLE: Final = 1_024  # characters or bytes of a block


def describe_text(name: str, text: str, context: Context) -> Description:
    """A text too long for a parameter."""
    head = text[:_SCANNED]
    dirty = context.redactor.text(head) != head or context.text(text[-_SCANNED:], _SCANNED) != text[-_SCANNED:]
    dirty = dirty or context.redactor.is_secret_name(name)
    is_html = head[:64].lstrip().lower().startswith(("<!doctype html", "<html"))
    media_type, suffix = ("text/html", ".html") if is_html else ("text/plain", ".txt")
    shown = {"preview": context.text(text)} if not context.redactor.is_secret_name(name) else {"preview": REDACTED}

    def write() -> bytes | None:
        return text.encode("utf-8", "backslashreplace") if context.is_clean(text) else None

    return _one(
        DescribedArtifact(
            name=name,
            type=ArtifactType.DOCUMENT,
            media_type=media_type,
            identity=None if dirty else _text_identity(text, context),
            size_bytes=len(text) if text.isascii() else None,
            properties={
                "type": "str",
                "characters": str(len(text)),
                **shown,
                **(PAYLOAD_WITHHELD if dirty else {}),
            },
            payload=Payload(media_type, suffix, write) if not dirty and context.stores(len(text)) else None,
        )
    )


def describe_bytes(name: str, value: Any, context: Context) -> Description:
    """Describe bytes and bytearray by content, a memoryview by its type and size."""
    properties = context.type_of(value)
    if is_a(type(value), memoryview):
        properties["bytes"] = str(value.nbytes)
        return _one(DescribedArtifact(name=name, type=ArtifactType.VALUE, properties=properties))
    with memoryview(value) as view:  # held for this call only: a bytearray cannot grow meanwhile
        return _one(_bytes_artifact(name, view, properties, context))


def _bytes_artifact(name: str, view: memoryview, properties: dict[str, str], context: Context) -> DescribedArtifact:
    dirty = not _is_clean(name, bytes(view[:_SCANNED]), context)
    stored = not dirty and context.stores(view.nbytes)
    return DescribedArtifact(
        name=name,
        type=ArtifactType.VALUE,
        media_type="application/octet-stream",
        identity=None if dirty else _bytes_identity(view, context),
        size_bytes=view.nbytes,
        properties={**properties, "bytes": str(view.nbytes), **(PAYLOAD_WITHHELD if dirty else {})},
        payload=_bytes_payload(bytes(view), context) if stored else None,
    )


def _is_clean(name: str, head: bytes, context: Context) -> bool:
    return not context.redactor.is_secret_name(name) and context.is_clean(head.decode("latin-1"))


def _bytes_payload(data: bytes, context: Context) -> Payload:
    def write() -> bytes | None:
        return data if context.is_clean(data.decode("latin-1")) and context.redactor.is_clean(data) else None

    return Payload("application/octet-stream", ".bin", write)


def _text_identity(text: str, context: Context) -> str | None:
    whole = context.reads_whole(len(text) * (1 if text.isascii() else 4))
    digest = context.digest("" if whole else f"text {len(text)}")
    try:
        if whole:
            digest.update(text.encode("utf-8", "surrogatepass"))
        else:
            for block in _blocks(len(text)):
                digest.text(text[block])
    except BudgetSpentError:
        return None
    return digest.identity(whole=whole)


def _bytes_identity(view: memoryview, context: Context) -> str | None:
    whole = context.reads_whole(view.nbytes)
    digest = context.digest("" if whole else f"bytes {view.nbytes}")
    try:
        _update(digest, view, whole=whole)
    except BudgetSpentError:
        return None
    return digest.identity(whole=whole)


def _update(digest: Digest, view: memoryview, *, whole: bool) -> None:
    for block in [slice(None)] if whole else _blocks(view.nbytes):
        digest.update(view[block])


def _blocks(size: int) -> list[slice]:
    """Evenly spaced blocks of a long text, the first and the last included."""
    last = max(0, size - _SAMPLE)
    starts = (last * i // (_BLOCKS - 1) for i in range(_BLOCKS))
    return [slice(start, start + _SAMPLE) for start in starts]


def _one(artifact: DescribedArtifact) -> Description:
    return Description(artifacts=(artifact,))
