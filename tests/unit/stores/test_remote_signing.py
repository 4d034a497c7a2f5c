"""Requests to a record's server are signed as AWS's clients sign, to the byte."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from plugin_core.errors import SettingsError
from plugin_core.stores.remote.keys import KeyChain
from plugin_core.stores.remote.signing import Key, signed

AT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
HEADERS = {"host": "host:8460", "content-type": "application/x", "x-flowtrail-operation": "  two   words "}


@pytest.mark.parametrize("token", [None, "a session's token"])
@pytest.mark.parametrize("body", [b"", b"\x00{}\n", b"x" * 100_000])
def test_the_signature_is_botocore_s(token, body):
    ours = signed(Key("AKID", "sécret/+", token), "/record", HEADERS, body, at=AT, region="us-east-1")

    request = AWSRequest(method="POST", url="http://host:8460/record", data=body, headers=dict(HEADERS))
    request.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.context["timestamp"] = AT.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    theirs = SigV4Auth(Credentials("AKID", "sécret/+", token), "sagemaker", "us-east-1")
    expected = theirs.signature(theirs.string_to_sign(request, theirs.canonical_request(request)), request)

    assert ours["authorization"].endswith(f"Signature={expected}")


def test_no_secret_is_shown():
    assert "hidden" not in repr(Key("AKID", "hidden", "hidden too"))


@pytest.fixture
def environment(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = OF-TEAM\naws_secret_access_key = s\n")
    return monkeypatch


def test_the_key_is_the_environment_s(environment):
    environment.setenv("AWS_ACCESS_KEY_ID", "OF-ENV")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "s")

    assert KeyChain().key() == Key("OF-ENV", "s")


def test_a_profile_is_read_as_aws_s_clients_read_it(environment):
    environment.setenv("AWS_ACCESS_KEY_ID", "OF-ENV")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "s")

    assert KeyChain("team").key() == Key("OF-TEAM", "s")


def test_a_profile_of_the_environment_is_read_too(environment):
    environment.setenv("AWS_PROFILE", "team")

    assert KeyChain().key() == Key("OF-TEAM", "s")


def test_a_server_on_this_machine_is_first_asked_without_looking_for_a_key(environment, tmp_path):
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = FOUND\naws_secret_access_key = s\n")
    keys = KeyChain(may_be_open=True)

    assert keys.key() is None
    assert keys.is_asked_for()
    assert keys.key() == Key("FOUND", "s")
    assert not keys.is_asked_for()


def test_without_any_key_there_is_none(environment):
    assert KeyChain().key() is None


def test_a_profile_that_does_not_exist_is_said_to(environment):
    with pytest.raises(SettingsError, match="nobody"):
        KeyChain("nobody").key()
