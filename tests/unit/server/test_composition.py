"""What a server's settings come to: who may do without keys, and what is a bucket's name."""

from pathlib import Path

import pytest

from plugin_core.errors import InvalidValueError, SettingsError
from plugin_core.server.composition import Serving, bucket_domains
from plugin_core.server.tenants import Place, place_of
from plugin_core.tracking.settings import Settings


def settings(**changes) -> Settings:
    given = {
        "store": "sqlite:////data/record.db",
        "blobs": "file:///data/blobs",
        "spool_dir": Path("/data/spool"),
        "server_dir": Path("/data/server"),
    }
    return Settings(**{**given, **changes})


def serving(host: str = "127.0.0.1", **changes) -> Serving:
    return Serving(settings=settings(**changes), secret=b"", host=host, is_private=host == "127.0.0.1")


def test_only_a_server_that_this_machine_alone_can_reach_may_do_without_keys() -> None:
    assert serving().may_be_open
    assert not serving("0.0.0.0").may_be_open
    assert not serving(server_hosts=("flowtrail.example.org",)).may_be_open


def test_a_server_goes_by_the_address_that_it_listens_at() -> None:
    assert serving("10.1.2.3").rules.origins.hosts == ("10.1.2.3",)
    assert serving("fd00::1").rules.origins.hosts == ("[fd00::1]",)
    assert serving("0.0.0.0").rules.origins.hosts == ()


def test_a_name_of_the_servers_own_is_no_bucket_below_another() -> None:
    assert bucket_domains(()) == ["localhost"]
    assert bucket_domains(("S3.example.org:443", "example.org")) == ["localhost", "s3.example.org"]


def test_each_tenant_has_a_place_beside_the_servers_own() -> None:
    assert place_of("default", settings()) == Place("sqlite:////data/record.db", "file:///data/blobs")
    assert place_of("team-a", settings()) == Place(
        "sqlite:////data/tenants/team-a/record.db", "file:///data/tenants/team-a/blobs"
    )


def test_a_tenant_without_a_place_or_with_a_name_that_leads_elsewhere_is_refused() -> None:
    elsewhere = settings(store="postgresql://db/flowtrail")
    with pytest.raises(SettingsError, match="tenant_store"):
        place_of("team-a", elsewhere)
    with pytest.raises(SettingsError, match="tenant_blobs"):
        place_of("team-a", settings(blobs="s3://bucket"))
    with pytest.raises(InvalidValueError):
        place_of("../team-a", settings())
