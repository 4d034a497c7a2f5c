"""What SageMaker's API cannot hold of a component: a JSON document in S3, named by one of the component's outputs."""

from __future__ import annotations

import json
import logging
from typing import Any, Final

from plugin_core.errors import InvalidValueError, NotFoundError, StoreError
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.image import HELD

_log = logging.getLogger("flowtrail")
_FOLDER: Final = "held"
_MEDIA_TYPE: Final = "application/json"
_HINT: Final = "Add ?bucket=NAME to the store's URL, and flowtrail keeps it in a JSON document in S3."


class HeldDocuments:
    """Writes and reads the documents. Says once for each component that it has one, or would need one."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._said: set[str] = set()

    def check(self, component: str, document: dict[str, Any]) -> None:
        """InvalidValueError where there is something to hold and no bucket for it."""
        if not document:
            return
        what = ", ".join(f"{len(names)} {section}" for section, names in document.items())
        if self._calls.address.bucket is None:
            self._say(component, f"flowtrail cannot keep all of {component} in SageMaker ({what}). {_HINT}")
            raise InvalidValueError(f"SageMaker cannot hold all of component {component!r}: {what}.", hint=_HINT)
        self._say(component, f"SageMaker cannot hold all of {component}; it is in {self.uri(component)} ({what})")

    def _say(self, component: str, words: str) -> None:
        if component not in self._said:
            self._said.add(component)
            _log.warning("%s", words)

    def uri(self, component: str) -> str:
        """Where a component's document is."""
        return f"s3://{self._calls.address.bucket}/{self._key(component)}"

    def entry(self, component: str) -> dict[str, dict[str, str]]:
        """The output that says so."""
        return {HELD: {"Value": self.uri(component), "MediaType": _MEDIA_TYPE}}

    def _key(self, component: str) -> str:
        return f"{self._calls.address.prefix}/{_FOLDER}/{component.lower()}.json"

    def put(self, component: str, document: dict[str, Any]) -> None:
        """Write a document, whole."""
        members = {
            "Bucket": self._calls.address.bucket,
            "Key": self._key(component),
            "Body": json.dumps(document).encode(),
            "ContentType": _MEDIA_TYPE,
        }
        self._calls.made(self._calls.client("s3").put_object, "put_object", members)

    def get(self, outputs: dict[str, dict[str, str]]) -> dict[str, Any]:
        """The document that outputs name; empty where they name none, or where it cannot be read, with a warning."""
        if HELD not in outputs:
            return {}
        uri = outputs[HELD]["Value"]
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            answer = self._calls.made(self._calls.client("s3").get_object, "get_object", {"Bucket": bucket, "Key": key})
            document: dict[str, Any] = json.loads(answer["Body"].read())
        except (NotFoundError, InvalidValueError, StoreError) as error:
            self._say(uri, f"flowtrail cannot read {uri}, which holds what SageMaker could not: {error}")
            return {}
        return document
