"""A URL of a flowtrail server says where it is and nothing that must be kept secret."""

import pytest

from plugin_core.errors import SettingsError
from plugin_core.journal.destination import public_url
from plugin_core.stores import open_keys, open_store
from plugin_core.stores.addresses import is_remote, remote_address


@pytest.mark.parametrize(
    ("url", "name", "endpoint"),
    [
        ("flowtrail+http://Host:8460", "flowtrail+http://host:8460", "http://host:8460"),
        ("flowtrail+http://host:80/", "flowtrail+http://host", "http://host"),
        ("flowtrail+https://host:443", "flowtrail+https://host", "https://host"),
        ("flowtrail+https://host:80?profile=", "flowtrail+https://host:80", "https://host:80"),
        ("flowtrail+http://[::1]:8460", "flowtrail+http://[::1]:8460", "http://[::1]:8460"),
        ("flowtrail+http://host?profile=my%20team", "flowtrail+http://host?profile=my+team", "http://host"),
    ],
)
def test_urls_that_mean_the_same_have_one_name(url, name, endpoint):
    address = remote_address(url)

    assert (address.name, address.endpoint) == (name, endpoint)
    assert remote_address(name) == address
    assert public_url(url) == name
    assert open_store(url).url == name


@pytest.mark.parametrize(
    "url",
    [
        "flowtrail+http:host", "flowtrail+http://", "flowtrail+http://host/path", "flowtrail+http://host:port",
        "flowtrail+http://host:70000", "flowtrail+http://host#part", "flowtrail+http://ho st", "flowtrail+ftp://host",
        "flowtrail+http://host?key=s3cret", "flowtrail+http://id:s3cret@host", "flowtrail+http://host\r\nX: s3cret",
    ],
)  # fmt: skip
def test_what_names_no_server_is_refused_without_quoting_it(url):
    with pytest.raises(SettingsError) as raised:
        open_store(url)
    assert "s3cret" not in str(raised.value)


def test_other_schemes_are_no_servers_of_ours():
    assert not is_remote("postgresql://host/db")
    assert not is_remote("http://host")


def test_keys_are_made_where_the_record_is():
    with pytest.raises(SettingsError, match="not at its clients"):
        open_keys("flowtrail+http://host")
