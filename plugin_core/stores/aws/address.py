"""Which account's record a URL means: ``sagemaker://REGION?account=..&bucket=..&prefix=..``. Imports no boto3."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from plugin_core.errors import SettingsError

SCHEME: Final = "sagemaker"
NO_BLOBS: Final = f"{SCHEME}:"  # the blob store of a record without a bucket
EXAMPLE: Final = "sagemaker://eu-west-1?bucket=my-bucket"

_OPTIONS: Final = ("account", "bucket", "prefix", "endpoint", "clients")
_REGION: Final = re.compile(r"[a-z]{2}[a-z0-9-]{0,30}")
_ACCOUNT: Final = re.compile(r"\d{12}")
_DEFAULT_PREFIX: Final = "flowtrail"


def is_sagemaker(url: str) -> bool:
    """Whether a URL is one of a record in SageMaker."""
    return url.partition(":")[0] == SCHEME


@dataclass(frozen=True, kw_only=True, slots=True)
class SageMakerAddress:
    """A region of an account, and where in S3 goes what SageMaker's API cannot hold.

    ``endpoint`` is another server than AWS's that speaks its protocols; ``clients`` names clients that this
    process was given (``sessions.given``).
    """

    region: str
    account: str | None = None
    bucket: str | None = None
    prefix: str = _DEFAULT_PREFIX
    endpoint: str | None = None
    clients: str | None = None

    @property
    def blobs_url(self) -> str | None:
        """Where files go, None without a bucket."""
        if self.bucket is None:
            return None
        place = {"region": self.region} | ({"endpoint": self.endpoint} if self.endpoint else {})
        return f"s3://{self.bucket}/{quote(self.prefix)}/blobs?{urlencode(place)}"

    @property
    def place(self) -> str:
        """The URL that means the same place in any process."""
        return replace(self, clients=None).url

    @property
    def url(self) -> str:
        """The URL that means the same."""
        given = {name: getattr(self, name) for name in _OPTIONS}
        if self.prefix == _DEFAULT_PREFIX:
            del given["prefix"]
        query = urlencode({name: value for name, value in given.items() if value is not None})
        return f"{SCHEME}://{self.region}" + (f"?{query}" if query else "")


def sagemaker_address(url: str) -> SageMakerAddress:
    """Read a store's URL; SettingsError."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme != SCHEME or not _REGION.fullmatch(parts.netloc) or parts.path.strip("/") or parts.fragment:
        raise SettingsError("The store's URL names no region of AWS.", hint=f"Use {EXAMPLE}.")
    if unknown := options.keys() - set(_OPTIONS):
        raise SettingsError(f"A store in SageMaker has no option {min(unknown)!r}.", hint=f"Use {EXAMPLE}.")
    if "account" in options and not _ACCOUNT.fullmatch(options["account"]):
        raise SettingsError(f"The account {options['account']!r} is not twelve digits.", hint=f"Use {EXAMPLE}.")
    if "prefix" in options:
        options["prefix"] = options["prefix"].strip("/") or _DEFAULT_PREFIX
    return SageMakerAddress(region=parts.netloc, **{name: value for name, value in options.items() if value})
