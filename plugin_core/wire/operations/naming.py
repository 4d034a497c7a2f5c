"""What a request's names and ARNs stand for, and how a refusal calls them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from plugin_core.errors import ConflictError, InvalidValueError
from plugin_core.model import arns
from plugin_core.model.lineage import NodeKind
from plugin_core.wire.faults import already_exists, invalid
from plugin_core.wire.request import Request

_PREFIX: Final = "arn:"


@contextmanager
def creating(kind: str, name: str) -> Generator[None]:
    """What exists already is refused as clients expect it."""
    try:
        yield
    except ConflictError:
        raise already_exists(kind, name) from None


def name_of(kind: NodeKind, given: str) -> str:
    """The name that a NameOrArn stands for; WireError for an ARN of something else."""
    if not given.startswith(_PREFIX):
        return given
    try:
        arn = arns.parse_arn(given)
    except InvalidValueError as error:
        raise invalid(error.message) from None
    if arn.kind is not kind:
        raise invalid(f"{given!a} is the ARN of something else than {'an' if kind[0] in 'ae' else 'a'} {kind}.")
    return arn.name


def artifact_uri(request: Request, arn: str) -> str:
    """The source URI of the artifact with an ARN; NotFoundError."""
    return request.store.node(arn).key
