"""Values that nobody knows: described by their type, and so is whatever a handler fails on."""

from __future__ import annotations

from typing import Any

from plugin_core.capture.values.context import Context, Handler
from plugin_core.capture.values.description import DescribedArtifact, Description
from plugin_core.capture.values.inspection import class_name
from plugin_core.model.lineage import ArtifactType


def described_by_type(name: str, value: Any, context: Context, *, error: BaseException | None = None) -> Description:
    """A Value artifact that says what type the value has, and what went wrong on a closer look."""
    failed = {} if error is None else {"describe_error": class_name(type(error))}
    properties = {**context.type_of(value), **failed}
    return Description(artifacts=(DescribedArtifact(name=name, type=ArtifactType.VALUE, properties=properties),))


def contained(handler: Handler, name: str, value: Any, context: Context) -> Description:
    """What a handler says; where it raises anything but KeyboardInterrupt, the type. The error's text is not kept."""
    try:
        return handler(name, value, context)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - users' objects raise SystemExit too, and it must not end their step
        return described_by_type(name, value, context, error=error)
