"""XML, written and read. What is read may declare nothing: a document with a DTD is refused before it can grow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape

from plugin_core.wire.s3.faults import S3Error

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE: Final = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # such keys ask for url encoding
_CARRIAGE_RETURN: Final = {"\r": "&#13;"}
_MOST_ELEMENTS: Final = 50_000


def element(name: str, *content: str) -> str:
    """An element around what is markup already."""
    return f"<{name}>{''.join(content)}</{name}>"


def text(name: str, value: object) -> str:
    """An element with a text."""
    return element(name, escape(_NOT_XML.sub("\ufffd", str(value)), _CARRIAGE_RETURN))


def texts(name: str, values: Iterable[tuple[str, object]]) -> str:
    """An element of elements with texts."""
    return element(name, *(text(*value) for value in values))


def document(name: str, *content: str, is_error: bool = False) -> bytes:
    """A whole document."""
    namespace = "" if is_error else _NAMESPACE
    return f"{_HEAD}<{name}{namespace}>{''.join(content)}</{name}>".encode()


def moment(at: datetime) -> str:
    """A time as S3 writes it in documents."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def parsed(body: bytes) -> Element:
    """The root of a document, names without their namespaces; S3Error."""
    builder = TreeBuilder()
    count = 0

    def begin(name: str, _: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > _MOST_ELEMENTS:
            raise _malformed()
        builder.start(name.rpartition(" ")[2], {})

    def refuse(*_: object) -> None:
        raise _malformed()

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda name: builder.end(name.rpartition(" ")[2])
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(body, True)
        return builder.close()
    except (expat.ExpatError, ParseError, AssertionError, LookupError, ValueError):
        raise _malformed() from None


def _malformed() -> S3Error:
    return S3Error("MalformedXML", "The XML is not well-formed, or is not what this request takes.")
