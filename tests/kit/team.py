"""A team's server in this process, and this process's record behind it: for fixtures of these names."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit.record import SECRET, RecordServer, record_server

from plugin_core.server.keys import Keys
from plugin_core.stores import open_keys
from plugin_core.tracking.settings import configure, read_settings, reset_configuration
from plugin_core.tracking.settings_sources import Surroundings
from plugin_core.wire.caller import Role


@contextmanager
def serving_a_team(folder: Path) -> Iterator[RecordServer]:
    """A server; its keys are in the folder."""
    keys = Keys(open_keys(f"sqlite:///{folder / 'record.db'}"), SECRET)
    keys.create(Role.ADMIN)
    with record_server(keys) as server:
        yield server


@dataclass
class Team:
    """The server, what it keeps, and where this machine's things are."""

    server: RecordServer
    folder: Path
    environment: dict[str, str]

    @property
    def kept(self) -> str:
        """The URL of the record that the server keeps."""
        return f"sqlite:///{self.folder / 'server' / 'record.db'}"


@contextmanager
def recording_behind(team_server: RecordServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """Everything that a test records goes to a record of its own behind the server."""
    key = team_server.keys.create(Role.WRITER)
    team_server.ring.read()
    team_server.faulty.faults.clear()
    environment = {
        "AWS_ACCESS_KEY_ID": key.key.id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "FLOWTRAIL_STORE": team_server.store_url,
        "FLOWTRAIL_SPOOL_DIR": str(tmp_path / "spool"),
    }
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, environment[name])
    made = Team(team_server, tmp_path, environment)
    (tmp_path / "server").mkdir()
    settings = read_settings({"store": made.kept}, Surroundings(cwd=tmp_path, environ={}))[0]
    with team_server.behind.standing_for(settings):
        configure(store=team_server.store_url, blobs=team_server.store_url, spool_dir=tmp_path / "spool", strict=True)
        yield made
        reset_configuration()
