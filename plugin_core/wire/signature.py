"""Whether a request was signed, as AWS's clients sign (SigV4), by who knows a key's secret.

The canonical request, the string to sign and the signature come from botocore, the code that signs at the
other end; what was claimed is read strictly, and refused where it leaves something to choose. A key that
does not exist takes as long and gets the same answer as a wrong signature.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.client import HTTPMessage
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import quote, unquote

UNSIGNED: Final = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SERVICES: Final = frozenset({"sagemaker", "sagemaker-metrics", "sts", "s3"})
DEFAULT_WINDOW: Final = timedelta(minutes=15)
LONGEST_PRESIGNED: Final = timedelta(hours=1)

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_AUTHORIZATION: Final = re.compile(
    rf"{_ALGORITHM} Credential=(?P<credential>[^\s,]+), ?"
    r"SignedHeaders=(?P<headers>[^\s,]+), ?Signature=(?P<signature>\S+)"
)
_CREDENTIAL: Final = re.compile(
    r"(?P<key>[^/\s,]{1,128})/(?P<day>[0-9]{8})/(?P<region>[a-z0-9-]{1,40})/(?P<service>[a-z0-9-]{1,40})/aws4_request"
)
_SCOPE_END: Final = re.compile(r"/(?P<service>[a-z0-9-]{1,40})/aws4_request")
_VERSION_2: Final = re.compile(r"(^|&)AWSAccessKeyId=")  # what boto3 makes of a URL unless it is told otherwise
_STAMP: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_HEX_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_HEADER_NAMES: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+(;[!#$%&'*+.^_`|~0-9a-z-]+)*")
_OUR_PREFIXES: Final = ("x-amz-", "x-flowtrail-")  # these decide what a request means
_NOBODY: Final = secrets.token_hex(20)  # the secret that is tried for keys that do not exist


class Refusal(StrEnum):
    """Why a request is not taken for its key's."""

    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    EXPIRED = "expired"
    PAYLOAD = "payload"


class SignatureError(Exception):
    """A request that was not signed as it must be; the message is fit for its sender."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal, self.message = refusal, message


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedRequest:
    """A request as it arrived: ``path`` and ``query`` still encoded, names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]

    def header(self, name: str) -> str | None:
        """The only value of a header, None if there is none; SignatureError for several."""
        values = [value for key, value in self.headers if key == name]
        if len(values) > 1:
            raise _malformed(f"The header {name} stands there {len(values)} times.")
        return values[0] if values else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Who a request says it is from, and how it wants to prove it. Nothing of it is verified yet."""

    key_id: str
    region: str
    service: str
    at: datetime
    signed_headers: tuple[str, ...]
    signature: str
    payload: str | None  # the declared hash, or one of the words for "not hashed"
    lifetime: timedelta | None = None  # of a presigned URL

    @property
    def is_presigned(self) -> bool:
        """Whether the signature stands in the URL."""
        return self.lifetime is not None

    @property
    def has_hashed_payload(self) -> bool:
        """Whether the signature covers the body."""
        return self.payload is None or _HEX_DIGEST.fullmatch(self.payload) is not None

    @property
    def body_sha256(self) -> str | None:
        """The hash that a body must have which is read after the signature; None where it is not covered.

        Where none is declared, what was signed has no body.
        """
        if not self.has_hashed_payload:
            return None
        return self.payload if self.payload is not None else hashlib.sha256().hexdigest()


def claimed_service(request: SignedRequest) -> str | None:
    """The service that a request says it is for, by the scope of its credential; None if it has none."""
    if _VERSION_2.search(request.query):
        return "s3"
    places = [value for name, value in request.headers if name == "authorization"]
    places += [unquote(pair) for pair in request.query.split("&") if pair.startswith("X-Amz-Credential=")]
    found = _SCOPE_END.search(places[0]) if len(places) == 1 else None
    return found["service"] if found is not None and found["service"] in SERVICES else None


def read_claim(request: SignedRequest) -> Claim:
    """Read what a request claims, from its header or its URL. SignatureError."""
    if _VERSION_2.search(request.query):
        raise _malformed("Signature Version 2 is not taken; boto3 signs URLs with Config(signature_version='s3v4').")
    authorization = request.header("authorization")
    in_url = _presigned_members(request.query)
    if authorization is not None and in_url:
        raise _malformed("A request is signed in its header or in its URL, not in both.")
    if authorization is None and not in_url:
        raise SignatureError(Refusal.MISSING, "The request is not signed.")
    claim = _claim_of_url(in_url) if authorization is None else _claim_of_header(request, authorization)
    _require_signed(request, claim)
    _require_fitting_payload(claim)
    return claim


def _claim_of_header(request: SignedRequest, authorization: str) -> Claim:
    parts = _AUTHORIZATION.fullmatch(authorization)
    if parts is None:
        raise _malformed("The header authorization is not one of AWS Signature Version 4.")
    return _claim(
        credential=parts["credential"],
        headers=parts["headers"],
        signature=parts["signature"],
        stamp=request.header("x-amz-date"),
        payload=request.header("x-amz-content-sha256"),
    )


def _claim_of_url(members: Mapping[str, str]) -> Claim:
    if members.get("X-Amz-Algorithm") != _ALGORITHM:
        raise _malformed("X-Amz-Algorithm is not AWS Signature Version 4's.")
    seconds = members.get("X-Amz-Expires", "")
    if re.fullmatch(r"[1-9][0-9]{0,5}", seconds) is None:
        raise _malformed("X-Amz-Expires must be a number of seconds.")
    credential = members.get("X-Amz-Credential", "")
    return _claim(
        credential=credential,
        headers=members.get("X-Amz-SignedHeaders", ""),
        signature=members.get("X-Amz-Signature", ""),
        stamp=members.get("X-Amz-Date"),
        payload=UNSIGNED if "/s3/" in credential else None,
        lifetime=timedelta(seconds=int(seconds)),
    )


def _claim(
    *,
    credential: str,
    headers: str,
    signature: str,
    stamp: str | None,
    payload: str | None,
    lifetime: timedelta | None = None,
) -> Claim:
    scope = _CREDENTIAL.fullmatch(credential)
    if scope is None or scope["service"] not in SERVICES:
        raise _malformed(
            "The credential's scope must be KEY/DATE/REGION/SERVICE/aws4_request of a service served here."
        )
    if _HEADER_NAMES.fullmatch(headers) is None or list(names := headers.split(";")) != sorted(set(names)):
        raise _malformed("The signed headers must be in lower case, in order, each named once.")
    at = _moment(stamp)
    if at.strftime("%Y%m%d") != scope["day"]:
        raise _malformed("The date of the credential's scope is not that of the request.")
    return Claim(
        key_id=scope["key"],
        region=scope["region"],
        service=scope["service"],
        at=at,
        signed_headers=tuple(names),
        signature=signature,
        payload=payload,
        lifetime=lifetime,
    )


def _moment(stamp: str | None) -> datetime:
    if stamp is not None and _STAMP.fullmatch(stamp):
        try:
            return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            pass
    raise _malformed("The time of the request must be given as X-Amz-Date, like 20260131T120000Z.")


def _presigned_members(query: str) -> dict[str, str]:
    """The URL's members of the signature; none if it has no signature."""
    pairs = [pair.partition("=") for pair in query.split("&")]
    found = [(unquote(name), unquote(value)) for name, _, value in pairs]
    members = {name: value for name, value in found if name.startswith("X-Amz-")}
    if "X-Amz-Signature" not in members:
        return {}
    if len(members) != sum(name.startswith("X-Amz-") for name, _ in found):
        raise _malformed("A member of the URL's signature stands there twice.")
    return members


def _require_signed(request: SignedRequest, claim: Claim) -> None:
    """Each header that decides what a request means must be covered by the signature."""
    present = {name for name, _ in request.headers}
    needed = {"host"} | {name for name in present if name.startswith(_OUR_PREFIXES)}
    if "content-type" in present and claim.service != "s3" and not claim.is_presigned:
        needed.add("content-type")
    if missing := needed.difference(claim.signed_headers):
        raise _malformed(f"These headers must be signed: {', '.join(sorted(missing))}.")
    if absent := set(claim.signed_headers) - present:
        raise _malformed(f"These signed headers are not there: {', '.join(sorted(absent))}.")


def _require_fitting_payload(claim: Claim) -> None:
    if claim.has_hashed_payload:
        if claim.payload is None and claim.service == "s3":
            raise _malformed("The header x-amz-content-sha256 is missing.")
        return
    if claim.service != "s3" or claim.payload not in {UNSIGNED, UNSIGNED_TRAILER}:
        raise _malformed("The payload must be signed: x-amz-content-sha256 must be its SHA-256.")


def verify(
    request: SignedRequest,
    claim: Claim,
    secret: str | None,
    *,
    now: datetime,
    body_sha256: str | None = None,
    window: timedelta = DEFAULT_WINDOW,
) -> None:
    """Return if the claim is true; ``secret`` is None for a key that does not exist. SignatureError.

    ``body_sha256`` is the hash of the body where it was read already, in hexadecimal. Where it was not, the
    declared hash is what is verified, and the body must be compared with it as it comes.
    """
    payload = claim.payload if claim.payload is not None else body_sha256 or hashlib.sha256().hexdigest()
    expected = _signature(request, claim, secret if secret is not None else _NOBODY, payload)
    is_right = hmac.compare_digest(expected.encode("ascii"), claim.signature.encode("utf-8", "replace"))
    if not is_right or secret is None:
        raise SignatureError(Refusal.MISMATCH, "The signature is not that of a key of this server for this request.")
    _require_timely(claim, now, window)
    if body_sha256 is not None and claim.has_hashed_payload and not hmac.compare_digest(payload, body_sha256):
        raise payload_differs()


def payload_differs() -> SignatureError:
    """What is raised when a body is not the one whose hash was signed."""
    return SignatureError(Refusal.PAYLOAD, "The body does not have the SHA-256 that was signed.")


def _require_timely(claim: Claim, now: datetime, window: timedelta) -> None:
    """Told only to who has the secret: others learn nothing about the clock."""
    if claim.at > now + window:
        raise _expired(f"The request's time lies {claim.at - now} in the future of this server's {now:%Y%m%dT%H%M%SZ}.")
    if claim.lifetime is None:
        if claim.at < now - window:
            raise _expired(
                f"The request's time lies {now - claim.at} in the past of this server's {now:%Y%m%dT%H%M%SZ}."
            )
    elif claim.lifetime > LONGEST_PRESIGNED:
        raise _expired(f"A signed URL may be good for {LONGEST_PRESIGNED} at most.")
    elif now > claim.at + claim.lifetime:
        raise _expired("The signed URL has expired.")


def _expired(message: str) -> SignatureError:
    return SignatureError(Refusal.EXPIRED, message)


def _malformed(message: str) -> SignatureError:
    return SignatureError(Refusal.MALFORMED, message)


def _signature(request: SignedRequest, claim: Claim, secret: str, payload: str) -> str:
    signer = _signer(claim, secret)
    stamped = SimpleNamespace(context={"timestamp": claim.at.strftime("%Y%m%dT%H%M%SZ")})
    canonical = _canonical(signer, request, claim, payload)
    return str(signer.signature(signer.string_to_sign(stamped, canonical), stamped))


def _signer(claim: Claim, secret: str) -> Any:
    from botocore.auth import SigV4Auth
    from botocore.credentials import Credentials

    return SigV4Auth(Credentials(claim.key_id, secret), claim.service, claim.region)


def _canonical(signer: Any, request: SignedRequest, claim: Claim, payload: str) -> str:
    headers = _signed(request.headers, claim.signed_headers)
    query = SimpleNamespace(
        params=None, url=f"?{_without_signature(request.query) if claim.is_presigned else request.query}"
    )
    lines = (
        request.method,
        _canonical_path(request.path, claim.service),
        signer.canonical_query_string(query),
        f"{signer.canonical_headers(headers)}\n",
        signer.signed_headers(headers),
        payload,
    )
    return "\n".join(lines)


def _canonical_path(path: str, service: str) -> str:
    """S3's path is signed as it is sent; others' are made plain and encoded once more."""
    if service == "s3":
        return path
    from botocore.utils import normalize_url_path

    return quote(normalize_url_path(path), safe="/~")


def _signed(headers: Iterable[tuple[str, str]], names: Sequence[str]) -> HTTPMessage:
    chosen = HTTPMessage()
    for name, value in headers:
        if name in names:
            chosen[name] = value
    return chosen


def _without_signature(query: str) -> str:
    return "&".join(pair for pair in query.split("&") if unquote(pair.partition("=")[0]) != "X-Amz-Signature")
