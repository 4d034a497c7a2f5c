"""URLs of databases: what the driver is told, and what people are."""

import pytest

from plugin_core.errors import SettingsError
from plugin_core.journal.destination import is_for, public_url
from plugin_core.stores import open_store
from plugin_core.stores.addresses import server_address


def test_all_parts_of_a_url_reach_the_driver():
    address = server_address("postgresql://us%40er:p%2Fw@db.example:5433/rec%20ord?sslmode=require&connect_timeout=3")

    assert address.options == {
        "user": "us@er",
        "password": "p/w",
        "host": "db.example",
        "port": "5433",
        "dbname": "rec ord",
        "sslmode": "require",
        "connect_timeout": "3",
    }
    assert (address.schema, address.pool_size) == ("flowtrail", 5)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example/record",
        "postgres://db.example/record",
        "postgresql+psycopg://DB.example:5432/record",
        "postgresql://me:secret@db.example/record",
        "postgresql://me:p@ss/w@rd@db.example/record",
        "postgresql://you@db.example/record?sslmode=require&pool_size=9",
        "postgresql:///record?host=db.example&password=secret",
        "postgresql://db.example/record?schema=flowtrail",
    ],
)
def test_urls_of_the_same_database_have_one_name_without_user_and_password(url):
    assert server_address(url).name == "postgresql://db.example/record"
    assert public_url(url) == "postgresql://db.example/record"
    assert "secret" not in repr(server_address(url))
    assert is_for("postgresql://db.example/record", url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example:5433/record",
        "postgresql://other.example/record",
        "postgresql://db.example/another",
        "postgresql://db.example/record?schema=team_a",
    ],
)
def test_urls_of_other_databases_and_schemas_have_other_names(url):
    assert not is_for("postgresql://db.example/record", url)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://[::1]:5433/record", "postgresql://[::1]:5433/record"),
        ("postgresql:///record?host=/run/pg&port=5433", "postgresql:///record?host=/run/pg&port=5433"),
        ("postgresql://a:1,b:2/record", "postgresql:///record?host=a,b&port=1,2"),
        ("postgresql:///?service=team", "postgresql:///?service=team"),
    ],
)
def test_sockets_services_and_several_hosts_can_be_named(url, name):
    assert server_address(url).name == name
    assert server_address(name).name == name


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:me:secret@host",
        "postgresql://me:secret@host/db?schema=No;Schema",
        "postgresql://me:secret@host/db?pool_size=0",
        "postgresql://me:secret@host/db?no_such_option=1",
        "mysql://me:secret@host/db",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url):
    with pytest.raises(SettingsError) as caught:
        open_store(url)

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
