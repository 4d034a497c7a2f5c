"""The command line over a record behind a team's server."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from plugin_core import Run
from plugin_core.cli import main
from plugin_core.errors import NotFoundError, StoreReadOnlyError, StoreUnavailableError
from plugin_core.stores import open_blobs, open_store
from plugin_core.stores.addresses import remote_address
from plugin_core.stores.remote.transport import Question, Transport
from plugin_core.testing.contract.making import batch, component
from plugin_core.tracking.engine import close_engine
from plugin_core.wire.caller import Role


@pytest.fixture
def said(team, capsys):
    def call(*arguments: str) -> str:
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    with Run("ex", "one") as run:
        run.log_parameter("rate", 0.1)
        run.log_metric("loss", 0.5)
    close_engine()
    return call


def test_runs_are_listed_and_shown(said):
    assert "one" in said("ls", "runs")
    assert "ex" in said("ls", "experiments")
    assert "rate" in said("show", "one")


def test_the_doctor_says_which_server_keeps_the_record(said, team):
    checks = {check["name"]: check for check in json.loads(said("doctor", "--json"))}

    assert checks["store"]["level"] == "ok"
    assert "flowtrail 0." in checks["store"]["message"]
    assert "SQLite" in checks["store"]["message"]
    assert team.server.url in checks["settings"]["message"]


def test_a_key_that_only_writes_records_and_reads_nothing(team, monkeypatch):
    key = team.server.keys.create(Role.PUT)
    team.server.ring.read()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.key.id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
    with Run("ex", "one") as run:
        run.log_parameter("rate", 0.1)
        run.log_metric("loss", 0.5)
        run.log_confusion_matrix([0, 1], [0, 1], title="cm")
    close_engine()

    content = os.urandom(300_000)  # large enough to be asked after first
    digest = open_blobs(team.server.store_url).put_bytes(content)
    assert open_blobs(team.server.store_url).put_bytes(content) == digest
    assert open_blobs((team.folder / "server" / "blobs").as_uri()).size(digest) == 300_000

    pod = open_store(team.server.store_url)
    assert pod.apply(batch(component("a")))
    with pytest.raises(StoreUnavailableError, match="may not component"):
        pod.component("ex-one")
    with pytest.raises(StoreReadOnlyError, match="may not write"):
        pod.write([component("b")])
    pod.close()
    kept = open_store(team.kept)
    assert kept.component("ex-one").status.value == "completed"
    with pytest.raises(NotFoundError):
        kept.component("b")
    kept.close()


def test_a_key_that_is_wrong_is_said_to_be_without_being_shown(team, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "n0t-the-secret")
    store = open_store(team.server.store_url)

    with pytest.raises(StoreUnavailableError, match="does not accept the key") as raised:
        store.experiments()
    assert "n0t-the-secret" not in str(raised.value)


def test_bytes_are_kept_at_the_server_without_a_word_about_where(team):
    blobs = open_blobs(team.server.store_url)
    digest = blobs.put_bytes(b"some bytes")

    with blobs.open(digest) as content:
        assert content.read() == b"some bytes"
    assert (team.folder / "server" / "blobs").is_dir()


def test_a_key_of_aws_s_files_is_found_when_the_server_asks_for_one(team, monkeypatch, tmp_path):
    key = team.environment["AWS_ACCESS_KEY_ID"], team.environment["AWS_SECRET_ACCESS_KEY"]
    (tmp_path / "keys").write_text(f"[default]\naws_access_key_id = {key[0]}\naws_secret_access_key = {key[1]}\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    store = open_store(team.server.store_url)

    assert store.experiments() == []
    store.close()


def test_a_machine_whose_clock_is_wrong_takes_the_server_s(team):
    late = Transport(remote_address(team.server.store_url), clock=lambda: datetime.now(UTC) - timedelta(days=2))
    question = Question(operation="experiments", body=b"\0{}\n", is_repeatable=True, is_write=False)

    assert late.ask(question) == b"\0[]\n"
    late.close()
