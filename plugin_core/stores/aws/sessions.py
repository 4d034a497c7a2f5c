"""Clients beside one that a user gave, and SageMaker's default bucket."""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import urlsplit

from plugin_core.errors import SettingsError

_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn")
_BUCKET_IS_THERE: Final = frozenset({"BucketAlreadyOwnedByYou", "OperationAborted"})
_ATTRIBUTES: Final = {"sagemaker": "sagemaker_client", "sagemaker-metrics": "sagemaker_metrics_client"}
_NAMELESS_REGION: Final = "us-east-1"  # S3 does not take it for a place


def default_session() -> Any:
    """A boto3 session with the environment's region (``AWS_REGION`` too) and credentials."""
    import boto3

    return boto3.Session(region_name=os.environ.get("AWS_REGION"))


def sibling(client: Any, service: str, *, session: Any = None) -> Any:
    """A client of another service in a client's region, with a session's credentials (the default one's).

    Where the client talks to something else than AWS that is where the other service is looked for, too,
    unless the environment names a place for it.
    """
    endpoint: str = client.meta.endpoint_url
    is_aws = (urlsplit(endpoint).hostname or "").endswith(_AWS_HOSTS)
    named = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}" in os.environ
    chosen = session if session is not None else default_session()
    place = {} if is_aws or named else {"endpoint_url": endpoint}
    return chosen.client(service, region_name=client.meta.region_name, **place)


def default_bucket(s3: Any, sts: Any, *, region: str) -> str:
    """The bucket that SageMaker's clients use when none is named, made if it is not there."""
    account = sts.get_caller_identity()["Account"]
    bucket = f"sagemaker-{region}-{account}"
    place = {} if region == _NAMELESS_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=bucket, **place)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in _BUCKET_IS_THERE:
            s3.head_bucket(Bucket=bucket)  # who may not make buckets may use one that is there
    return bucket


_given: dict[str, tuple[Any, dict[str, Any]]] = {}


def give(session: Any) -> str:
    """Keep a ``sagemaker.Session``, or what has its clients, for this process; the name by which it is found."""
    name = str(id(session))
    _given.setdefault(name, (session, {}))
    return name


def given_client(name: str, service: str) -> Any:
    """A session's client of a service: its own where it has one, else one made beside it; SettingsError."""
    if name not in _given:
        raise SettingsError(
            "The store's URL names clients that this process was not given.",
            hint="Leave `clients` out of it, and set up credentials in the environment.",
        )
    session, made = _given[name]
    own = getattr(session, _ATTRIBUTES[service], None) if service in _ATTRIBUTES else None
    if own is not None:
        return own
    if service not in made:
        made[service] = sibling(session.sagemaker_client, service, session=getattr(session, "boto_session", None))
    return made[service]
