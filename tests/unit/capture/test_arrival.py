import pytest

from plugin_core.capture import arrival
from plugin_core.tracking.settings import configure, current_settings, reset_configuration


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """A process in a folder without settings; afterwards it is nobody's receiver any more."""
    monkeypatch.chdir(tmp_path)
    reset_configuration()
    yield
    arrival.take_over({**arrival.origin(), "settings": {}})
    reset_configuration()


def sent(tmp_path, *, host=None, **settings):
    here = arrival.origin()
    given = {"store": f"sqlite:///{tmp_path}/theirs.db", **settings}
    return {"host": host or here["host"], "pid": 0, "settings": given, "folders": {"spool_dir": str(tmp_path / "s")}}


def test_work_is_recorded_where_and_as_its_sender_records(tmp_path):
    arrival.take_over(sent(tmp_path, experiment="theirs", redact=["pin"]))
    settings = current_settings()
    assert settings.store == f"sqlite:///{tmp_path}/theirs.db"
    assert (settings.experiment, settings.redact, settings.spool_dir) == ("theirs", ("pin",), tmp_path / "s")


def test_the_next_sender_is_followed_as_well(tmp_path):
    arrival.take_over(sent(tmp_path))
    arrival.take_over(sent(tmp_path) | {"settings": {"store": f"sqlite:///{tmp_path}/other.db"}})
    assert current_settings().store == f"sqlite:///{tmp_path}/other.db"


def test_a_sender_on_another_machine_does_not_choose_this_ones_spool(tmp_path):
    before = current_settings().spool_dir
    arrival.take_over(sent(tmp_path, host="elsewhere") | {"settings": {}})
    assert current_settings().spool_dir == before


def test_a_process_with_a_store_of_its_own_keeps_it_and_uses_the_senders_names(tmp_path, monkeypatch):
    monkeypatch.setenv("FLOWTRAIL_STORE", f"sqlite:///{tmp_path}/ours.db")
    reset_configuration()
    arrival.take_over(sent(tmp_path, experiment="theirs"))
    assert current_settings().store == f"sqlite:///{tmp_path}/ours.db"
    assert current_settings().experiment == "theirs"


def test_a_store_that_the_code_here_chose_is_kept(tmp_path):
    configure(store=f"sqlite:///{tmp_path}/ours.db")
    arrival.take_over(sent(tmp_path))
    assert current_settings().store == f"sqlite:///{tmp_path}/ours.db"


def test_settings_files_count_as_the_senders_own_on_one_machine_only(tmp_path):
    (tmp_path / "flowtrail.toml").write_text(f'store = "sqlite:///{tmp_path}/file.db"')
    reset_configuration()
    arrival.take_over(sent(tmp_path, host="elsewhere"))
    assert current_settings().store == f"sqlite:///{tmp_path}/file.db"
    arrival.take_over(sent(tmp_path))
    assert current_settings().store == f"sqlite:///{tmp_path}/theirs.db"


def test_no_credentials_travel(tmp_path):
    configure(store=f"sqlite:///{tmp_path}/ours.db?password=hunter2")
    assert "hunter2" not in str(arrival.origin())


class Waiting:
    def __init__(self) -> None:
        self.waits = 0

    def flush(self, timeout_s: float | None = None) -> bool:
        self.waits += 1
        return True


@pytest.mark.parametrize(("host", "waits"), [("elsewhere", 1), (None, 0)])
def test_only_far_from_its_sender_does_a_step_wait_for_the_store(tmp_path, host, waits):
    arrival.take_over(sent(tmp_path, host=host))
    recording = Waiting()
    arrival.flush_if_remote(recording)
    assert recording.waits == waits
