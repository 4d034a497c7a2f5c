"""STS's GetCallerIdentity, which clients ask for an account's number: a form in, XML out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from plugin_core.model.names import ARN_PARTITION, DEFAULT_ACCOUNT
from plugin_core.wire.caller import Caller
from plugin_core.wire.faults import UNKNOWN_OPERATION, WireError

CONTENT_TYPE: Final = b"text/xml"
_FORM: Final = b"application/x-www-form-urlencoded"
_NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
_ANSWER: Final = """<GetCallerIdentityResponse xmlns="{namespace}">\
<GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user}</UserId><Account>{account}</Account>\
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


def is_form(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request is in the query protocol, as STS's are."""
    return headers.get(b"content-type", b"").startswith(_FORM)


def answer(body: bytes, caller: Caller) -> bytes:
    """The XML for a request's form; WireError for another action."""
    action = parse_qs(body.decode("latin-1")).get("Action", [""])[0]
    if action != "GetCallerIdentity":
        raise WireError(UNKNOWN_OPERATION, f"There is no operation {action!a} here.")
    user = caller.key_id or "anyone"
    arn = f"arn:{ARN_PARTITION}:iam::{DEFAULT_ACCOUNT}:user/{user}"
    said = _ANSWER.format(namespace=_NAMESPACE, arn=escape(arn), user=escape(user), account=DEFAULT_ACCOUNT)
    return said.encode()
