"""Clients beside one that a user gave, and SageMaker's default bucket."""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import urlsplit

_AWS_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn")
_BUCKET_IS_THERE: Final = frozenset({"BucketAlreadyOwnedByYou", "OperationAborted"})
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
