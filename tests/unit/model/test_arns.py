"""ARNs have SageMaker's form and lead back to what they name."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_core.errors import InvalidValueError
from plugin_core.model.arns import Arn, artifact_digest, is_arn, parse_arn, pipeline_execution_arn, to_arn
from plugin_core.model.lineage import NodeKind, NodeRef

PREFIX = "arn:aws:sagemaker:local:000000000000:"


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (NodeKind.EXPERIMENT, "experiment"),
        (NodeKind.TRIAL, "experiment-trial"),
        (NodeKind.COMPONENT, "experiment-trial-component"),
        (NodeKind.ACTION, "action"),
        (NodeKind.CONTEXT, "context"),
    ],
)
def test_a_name_travels_through_its_arn_and_back(kind, word):
    arn = to_arn(NodeRef(kind, "Some-Name"))

    assert arn == f"{PREFIX}{word}/some-name"
    assert parse_arn(arn) == Arn(word, "some-name", kind)


def test_an_artifact_is_named_by_its_contents_hash_or_by_its_uris():
    digest, uri = "0f" * 32, "s3://bucket/key"

    assert to_arn(NodeRef(NodeKind.ARTIFACT, f"sha256:{digest}")) == f"{PREFIX}artifact/{digest}"
    assert to_arn(NodeRef(NodeKind.ARTIFACT, uri)) == f"{PREFIX}artifact/{hashlib.sha256(uri.encode()).hexdigest()}"


@given(st.text(st.characters()))
def test_any_uri_has_an_arn_within_sagemakers_limit(uri):
    arn = to_arn(NodeRef(NodeKind.ARTIFACT, uri))

    assert len(arn) <= 256
    assert parse_arn(arn).name == artifact_digest(uri)


def test_a_job_is_no_node():
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:training-job/fit-1"

    assert parse_arn(arn) == Arn("training-job", "fit-1", None)


@pytest.mark.parametrize("text", ["", "flow-train", "arn:aws:s3:::bucket", "arn:aws:sagemaker:local:0:experiment/"])
def test_what_is_no_arn_is_refused(text):
    assert not is_arn(text)
    with pytest.raises(InvalidValueError, match="is not an ARN"):
        parse_arn(text)


def test_an_execution_looks_like_a_pipelines():
    arn = pipeline_execution_arn("flow", "01890000-aaaa-7bbb-8ccc-1234567890AB")

    assert re.fullmatch(PREFIX + r"pipeline/flow/execution/[a-z0-9]{12}", arn)
    assert arn.endswith("/1234567890ab")
