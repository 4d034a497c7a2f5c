import pytest
from kit.team import recording_behind, serving_a_team


@pytest.fixture(scope="session")
def team_server(tmp_path_factory):
    """A team's server in this process."""
    with serving_a_team(tmp_path_factory.mktemp("keys")) as server:
        yield server


@pytest.fixture
def team(team_server, tmp_path, monkeypatch):
    """What this test records is behind the server."""
    with recording_behind(team_server, tmp_path, monkeypatch) as made:
        yield made
