"""The doctor's single checks, given what they look at."""

from pathlib import Path

import pytest

from plugin_core.cli import checkup
from plugin_core.tracking.settings import read_settings
from plugin_core.tracking.settings_sources import Surroundings

MOUNTS = r"""22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
30 22 0:26 / /tmp rw - tmpfs tmpfs rw
31 22 0:27 / /mnt/team\040share rw - nfs4 host:/x rw
32 22 0:28 / /mnt/team\040share/local rw - xfs /dev/vdb rw
broken line
"""


@pytest.mark.parametrize(
    ("name", "folder", "level"),
    [
        ("store", "/srv", "ok"),
        ("store", "/mnt/team share/x", "fail"),
        ("spool", "/mnt/team share/x", "fail"),
        ("spool", "/tmp/x", "warn"),
        ("store", "/tmp/x", "ok"),
    ],
)
def test_places_where_locks_or_files_do_not_last_are_told(name, folder, level):
    check = checkup.check_file_system(name, Path(folder), MOUNTS)
    assert check.level == level
    assert bool(check.fix) is (level != "ok")


@pytest.mark.parametrize(("free", "level"), [(10**10, "ok"), (5 * 10**8, "warn"), (10**7, "fail")])
def test_little_room_is_told(free, level):
    assert checkup.judge_space("store", free).level == level


@pytest.mark.parametrize(
    ("prefect", "fastapi", "level", "fix"),
    [
        (None, "0.160.0", "ok", ""),
        ("3.8.8", "0.150.1", "ok", ""),
        ("3.8.8", "0.151.0", "fail", "fastapi<0.151"),
        ("3.8.8", None, "ok", ""),
        ("2.20.1", "0.110.0", "warn", "prefect>=3.4,<4"),
        ("4.0.0", None, "warn", "prefect>=3.4,<4"),
    ],
)
def test_versions_that_do_not_go_together_get_their_pin(prefect, fastapi, level, fix):
    versions = {"flowtrail": "0.1.0", "prefect": prefect, "fastapi": fastapi}
    *_, check = checkup.check_versions(versions.get)

    assert check.level == level
    assert fix in check.fix


def settings_of(folder, **environ):
    return read_settings({}, Surroundings(environ={"XDG_DATA_HOME": str(folder), **environ}, cwd=folder))


def test_settings_say_where_the_record_goes_without_its_password(tmp_path):
    check = checkup.check_settings(*settings_of(tmp_path, FLOWTRAIL_STORE="postgresql://me:hunter2@db/x"))
    assert "(from FLOWTRAIL_STORE)" in check.message
    assert "hunter2" not in check.message


def test_recording_that_is_switched_off_is_told(tmp_path):
    check = checkup.check_settings(*settings_of(tmp_path, FLOWTRAIL_DISABLED="1"))
    assert (check.level, "FLOWTRAIL_DISABLED" in check.message) == ("warn", True)


def test_damaged_journals_are_told(tmp_path):
    assert checkup.check_quarantine(tmp_path).level == "ok"
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "quarantine" / "j.json").write_text("{}")
    assert checkup.check_quarantine(tmp_path).level == "warn"


def test_blobs_are_counted(tmp_path):
    folder = tmp_path / "my blobs" / "ab"
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(b"12345")
    assert checkup.check_blobs((tmp_path / "my blobs").as_uri()).message.endswith("1 files, 5 B")


def test_packages_that_are_compiled_by_each_process_anew_are_told(tmp_path):
    (tmp_path / "kept.pyc").touch()
    kept, lost = str(tmp_path / "kept.pyc"), str(tmp_path / "lost.pyc")

    assert checkup.check_compiled({"a": kept, "b": None}).level == "ok"
    found = checkup.check_compiled({"a": kept, "b": lost})
    assert (found.level, found.message.split(":")[0]) == ("warn", "none of b")
