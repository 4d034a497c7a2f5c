"""Commands over a record in a PostgreSQL database: they work, and none shows the password."""

import pytest
from kit.postgres import PASSWORD, PASSWORD_IN_URL

from plugin_core.errors import SettingsError
from plugin_core.stores import open_store
from plugin_core.testing.contract.making import component, experiment
from plugin_core.tracking.settings import configure, read_settings, reset_configuration
from plugin_core.tracking.settings_sources import Surroundings


@pytest.fixture
def url(postgres, tmp_path):
    database = postgres.create_database()
    url = postgres.url_with_password(database)
    configure(store=url, spool_dir=tmp_path / "spool", blobs=(tmp_path / "blobs").as_uri())
    yield url
    reset_configuration()
    postgres.drop_database(database)


def test_the_doctor_says_what_the_record_is_kept_in(url, flowtrail):
    before = {check["name"]: check for check in flowtrail("doctor", "--json").json}
    assert (before["store"]["level"], before["store"]["message"][:12]) == ("ok", "not made yet")

    store = open_store(url)
    store.write([experiment("search"), component("a")])
    store.close()
    after = {check["name"]: check for check in flowtrail("doctor", "--json").json}
    assert after["store"]["level"] == "ok"
    assert "PostgreSQL 1" in after["store"]["message"]


@pytest.mark.parametrize("command", [["doctor"], ["config", "show", "--origin"], ["ls"], ["recover"], ["show", "none"]])
def test_no_command_shows_the_password(url, flowtrail, command):
    answer = flowtrail(*command)
    said = answer.out + answer.err

    assert said
    assert PASSWORD not in said
    assert PASSWORD_IN_URL not in said


def test_settings_are_shown_without_the_password(url, tmp_path):
    settings, _ = read_settings({"store": url}, Surroundings.of_process())

    assert settings.store == url
    assert PASSWORD_IN_URL not in repr(settings)
    assert "127.0.0.1" in repr(settings)


def test_a_setting_that_is_no_address_is_refused_without_its_password(tmp_path):
    with pytest.raises(SettingsError, match="pool_size") as caught:
        read_settings({"store": "postgresql://me:t0p-secret@host/db?pool_size=x"}, Surroundings.of_process())
    assert "t0p-secret" not in str(caught.value)
