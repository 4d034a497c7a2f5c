"""Objects whose attributes are the members of an API's answer, in snake case, and records that a backend keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final, Self, TypeVar

from plugin_core.dialects.smexperiments.backend import Backend, Members, Resource, backend_of
from plugin_core.dialects.smexperiments.refusals import check_confirmed

_WORD_BEGINS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_OURS: Final = "ResponseMetadata"

T = TypeVar("T")


def to_snake(name: str) -> str:
    """``TrialComponentArn`` to ``trial_component_arn``."""
    return _WORD_BEGINS.sub("_", name).lower()


def to_camel(name: str) -> str:
    """``trial_component_arn`` to ``TrialComponentArn``."""
    return "".join(word.title() for word in name.split("_"))


class ApiObject:
    """A value with a member of the API's in each attribute; an attribute that is None is not sent."""

    _parts: ClassVar[Mapping[str, type[ApiObject]]] = {}
    _collections: ClassVar[Mapping[str, type[ApiObject]]] = {}

    def __init__(self, **kwargs: Any) -> None:
        self.__dict__.update(kwargs)

    @classmethod
    def from_boto(cls, boto_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Make one of a boto3 answer; ``kwargs`` are attributes that go before it."""
        return cls(**{**cls._attributes(boto_dict), **kwargs})

    @classmethod
    def to_boto(cls, obj: Any) -> Members:
        """The members that boto3 takes, of an object or of a dict of attributes."""
        attributes: Mapping[str, Any] = obj if isinstance(obj, dict) else vars(obj)
        return {
            to_camel(name): cls._sent(name, value)
            for name, value in attributes.items()
            if value is not None and not name.startswith("_")
        }

    @classmethod
    def _attributes(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        names = {to_snake(member): value for member, value in members.items() if member != _NOT_OURS}
        return {name: cls._read(name, value) for name, value in names.items()}

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        if name in cls._collections:
            return _each(value, cls._collections[name].from_boto)
        return cls._parts[name].from_boto(value) if name in cls._parts else value

    @classmethod
    def _sent(cls, name: str, value: Any) -> Any:
        if name in cls._collections:
            return _each(value, cls._collections[name].to_boto)
        return cls._parts[name].to_boto(value) if name in cls._parts else value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and _shown(self) == _shown(other)

    def __hash__(self) -> int:
        return hash(tuple(sorted((name, repr(value)) for name, value in _shown(self).items())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in _shown(self).items())})"


def _each(values: Any, convert: Callable[[Any], Any]) -> Any:
    if isinstance(values, dict):
        return {key: convert(value) for key, value in values.items()}
    return [convert(value) for value in values]


def _shown(obj: ApiObject) -> dict[str, Any]:
    return {name: value for name, value in vars(obj).items() if not name.startswith("_")}


class Record(ApiObject):
    """Something that the API creates, describes, updates and deletes by its name.

    ``sagemaker_boto_client`` is the client to talk through; with None it is this process's own record.
    """

    _resource: ClassVar[Resource]
    _updated: ClassVar[tuple[str, ...]] = ()

    sagemaker_boto_client: Any = None

    def __init__(self, sagemaker_boto_client: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if sagemaker_boto_client is not None:
            self.__dict__["sagemaker_boto_client"] = sagemaker_boto_client

    def with_boto(self, boto_dict: Mapping[str, Any]) -> Self:
        """Take over the members of a boto3 answer."""
        self.__dict__.update(self._attributes(boto_dict))
        return self

    @property
    def _backend(self) -> Backend:
        return backend_of(self.sagemaker_boto_client)

    @property
    def _name(self) -> str:
        name: str = getattr(self, self._resource.name_attribute)
        return name

    def _changes(self) -> Members:
        """What ``save`` sends."""
        return self.to_boto({name: getattr(self, name) for name in self._updated})

    @classmethod
    def _create(cls, client: Any, **attributes: Any) -> Self:
        record = cls(client, **attributes)
        return record.with_boto(record._backend.create(cls._resource, cls.to_boto(attributes)))

    @classmethod
    def _load(cls, client: Any, name: str) -> Self:
        record = cls(client, **{cls._resource.name_attribute: name})
        return record.with_boto(record._backend.describe(cls._resource, name))

    @classmethod
    def _listed(cls, client: Any, make: Callable[[Mapping[str, Any]], T], **filters: Any) -> Iterator[T]:
        for members in backend_of(client).list(cls._resource, ApiObject.to_boto(filters)):
            yield make(members)

    @classmethod
    def _found(
        cls,
        client: Any,
        make: Callable[[Mapping[str, Any]], T],
        *,
        search_expression: Any,
        sort_by: str | None,
        sort_order: str | None,
        max_results: int | None,
    ) -> Iterator[T]:
        request = ApiObject.to_boto({"sort_by": sort_by, "sort_order": sort_order, "max_results": max_results})
        if search_expression is not None:
            request["SearchExpression"] = search_expression.to_boto()
        for members in backend_of(client).search(cls._resource, request):
            yield make(members)


class Holder(Record):
    """An experiment, which holds trials, or a trial, which holds trial components."""

    _whole: ClassVar[str]

    MAX_DELETE_ALL_ATTEMPTS: ClassVar[int] = 3

    def save(self) -> Any:
        """Write ``display_name``, and of an experiment ``description``; returns itself."""
        return self.with_boto(self._backend.update(self._resource, self._changes()))

    def delete(self) -> Any:
        """Delete one that holds nothing; it is refused while it does."""
        return self.with_boto(self._backend.delete(self._resource, self._name))

    def delete_all(self, action: str) -> None:
        """Delete it with all that it holds, out of other trials too; ``action`` confirms it: ``"--force"``.

        Of flowtrail's own record this is one transaction of milliseconds: nothing waits, and nothing is left half
        done. Through a client, it is tried three times, and waits only after a failure.
        """
        check_confirmed(action, self._whole)
        self._backend.delete_all(self._resource, self._name, attempts=self.MAX_DELETE_ALL_ATTEMPTS)
