"""Listings: what all of them have in common is their times, order and pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from plugin_core.model.lineage import NodeKind
from plugin_core.model.queries import Keyset, Listing, Page, SortBy
from plugin_core.wire.entities import arn_of
from plugin_core.wire.registry import Answer
from plugin_core.wire.request import Request

T = TypeVar("T")

_PAGE: Final = 10  # AWS's own default
_LIFTED_PAGE: Final = 100


def listed(request: Request, make: Callable[..., Listing[T]], **filters: Any) -> Page[T]:
    """A page of what a query's class stands for, as a request asks for it; newest first, if it says nothing."""
    given = request.members
    query = make(
        created_after=given.get("CreatedAfter"),
        created_before=given.get("CreatedBefore"),
        descending=given.get("SortOrder", "Descending") == "Descending",
        limit=page_size(request),
        after=begin(request),
        **filters,
    )
    return request.store.page(query)


def sort_of(request: Request) -> SortBy:
    """By name or time."""
    return SortBy.NAME if request.members.get("SortBy") == "Name" else SortBy.CREATED


def require(
    request: Request, *, experiment: str | None = None, trial: str | None = None, component: str | None = None
) -> None:
    """What a listing is of must exist; NotFoundError."""
    if experiment is not None:
        request.store.node(arn_of(NodeKind.EXPERIMENT, experiment))
    if trial is not None:
        request.store.node(arn_of(NodeKind.TRIAL, trial))
    if component is not None:
        request.store.node(arn_of(NodeKind.COMPONENT, component))


def page_size(request: Request) -> int:
    """How many a page may have."""
    default = _PAGE if request.settings.limits else _LIFTED_PAGE
    size: int = request.members.get("MaxResults", default)
    return size


def begin(request: Request) -> Keyset | None:
    """Where a page begins: after the keyset of a token."""
    token = request.members.get("NextToken")
    return None if token is None else tuple(request.pages.open(token))


def answer(request: Request, word: str, page: Page[T], summary: Callable[[T], Answer]) -> Answer:
    """A page as an answer; the token is absent on the last one, since clients look whether it is there."""
    more = {} if page.next is None else {"NextToken": request.pages.seal(page.next)}
    return {word: [summary(item) for item in page.items], **more}
