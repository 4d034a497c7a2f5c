"""A store's URL of SageMaker says which region, account and bucket; nothing else is taken for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin_core.errors import SettingsError, StoreUnavailableError
from plugin_core.journal.destination import is_for, public_url
from plugin_core.stores import open_blobs, open_store
from plugin_core.stores.aws.address import sagemaker_address
from plugin_core.tracking.settings import configure, current_settings, reset_configuration


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    reset_configuration()
    yield
    reset_configuration()


FULL = "sagemaker://eu-west-1?account=123456789012&bucket=b&prefix=team%2Fone&endpoint=http%3A%2F%2F127.0.0.1%3A1"


def test_a_url_says_region_account_bucket_prefix_and_endpoint() -> None:
    found = sagemaker_address(FULL)

    assert (found.region, found.account, found.bucket, found.prefix, found.endpoint) == (
        "eu-west-1", "123456789012", "b", "team/one", "http://127.0.0.1:1",
    )  # fmt: skip
    assert found.url == FULL
    assert sagemaker_address(found.url) == found


@pytest.mark.parametrize(
    "url",
    [
        "sagemaker://", "sagemaker:eu-west-1", "sagemaker:///eu-west-1", "sagemaker://EU/x", "sagemaker://user@eu-west-1",
        "sagemaker://eu-west-1?bukcet=x", "sagemaker://eu-west-1?account=12", "sagemaker://eu-west-1/path",
    ],
)  # fmt: skip
def test_what_names_no_region_or_has_unknown_options_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        sagemaker_address(url)
    with pytest.raises(SettingsError):
        configure(store=url)


def test_files_go_to_the_stores_bucket_unless_blobs_says_otherwise() -> None:
    configure(store="sagemaker://eu-west-1?bucket=mine&prefix=team")
    assert current_settings().blobs == "s3://mine/team/blobs?region=eu-west-1"

    configure(blobs="s3://another/place")
    assert current_settings().blobs == "s3://another/place"


def test_without_a_bucket_files_have_no_place_and_the_hint_says_what_to_set() -> None:
    configure(store="sagemaker://eu-west-1")

    with pytest.raises(StoreUnavailableError, match="bucket"):
        open_blobs(current_settings().blobs)


def test_a_journal_for_given_clients_is_for_the_same_place_without_them() -> None:
    url = "sagemaker://eu-west-1?bucket=b"

    assert public_url(f"{url}&clients=77") == url
    assert is_for(url, f"{url}&clients=78")


def test_opening_the_store_makes_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    assert open_store("sagemaker://eu-west-1").about() == "SageMaker in eu-west-1"
