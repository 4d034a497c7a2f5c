"""The audit's chain: nothing in it can be changed, taken out or put in without showing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from kit.programs import until

from plugin_core.server.audit import FILE, AuditLog, Entry, Flaw, verified

SECRET = b"the servers' own secret, which is long enough"


def entry(number: int, **changes) -> Entry:
    given = {
        "at": "2026-03-01T12:00:00.000+00:00", "request_id": str(number), "ip": "10.0.0.1", "tenant": "default",
        "key_id": "FT1", "role": "writer", "action": "CreateExperiment", "target": "/", "result": "200",
    }  # fmt: skip
    return Entry(**{**given, **changes})


def is_written(folder: Path) -> bool:
    """Whether the file has a whole line."""
    return (folder / FILE).exists() and (folder / FILE).read_text().endswith("\n")


def broken_lines(path: Path) -> list[int]:
    return list(verified(path, SECRET).flaws)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    log = AuditLog(tmp_path, SECRET)
    for number in range(5):
        log.add(entry(number))
    log.close()
    return tmp_path / FILE


def test_what_was_added_is_written_when_the_log_is_closed(written: Path) -> None:
    assert [json.loads(line)["request_id"] for line in written.read_text().splitlines()] == list("01234")
    assert broken_lines(written) == []
    assert written.stat().st_mode & 0o777 == 0o600


def test_a_changed_line_shows(written: Path) -> None:
    written.write_text(written.read_text().replace('"request_id": "2"', '"request_id": "9"'))

    assert broken_lines(written) == [3]


def test_a_line_that_was_taken_out_put_in_or_moved_shows(written: Path) -> None:
    lines = written.read_text().splitlines(keepends=True)
    for changed in (lines[:1] + lines[2:], lines[:2] + lines[1:], [lines[1], lines[0], *lines[2:]], [*lines, "{}\n"]):
        written.write_text("".join(changed))
        assert broken_lines(written) != []


def test_a_file_whose_beginning_is_gone_begins_no_chain(written: Path) -> None:
    written.write_text("".join(written.read_text().splitlines(keepends=True)[2:]))

    assert verified(written, SECRET).flaws == {1: Flaw.MISPLACED}


def test_who_has_not_the_servers_secret_cannot_make_a_line(written: Path) -> None:
    forger = AuditLog(written.parent, SECRET + b"?")
    forger.add(entry(5))
    forger.close()

    assert broken_lines(written) == [6]


def test_processes_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from plugin_core.server.audit import AuditLog, Entry
log = AuditLog(Path({str(tmp_path)!r}), {SECRET!r})
for n in range(50):
    who = dict(ip="", tenant=None, key_id=None, role=None)
    log.add(Entry(at="", request_id=str(n), action="a", target="/", result="200", **who))
log.close()
"""
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait(60) for process in started] == [0] * 4

    assert broken_lines(tmp_path / FILE) == []
    assert len((tmp_path / FILE).read_text().splitlines()) == 200


def test_a_file_that_was_moved_away_is_followed_by_one_with_a_chain_of_its_own(tmp_path: Path) -> None:
    log, other = AuditLog(tmp_path, SECRET), tmp_path / "march.jsonl"
    log.add(entry(1))
    until(lambda: is_written(tmp_path))
    (tmp_path / FILE).rename(other)
    log.add(entry(2))
    log.add(entry(3))
    log.close()

    assert [broken_lines(path) for path in (other, tmp_path / FILE)] == [[], []]
    assert len((tmp_path / FILE).read_text().splitlines()) == 2


def test_a_line_of_anothers_between_ours_is_part_of_the_chain(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, SECRET)
    log.add(entry(1))
    until(lambda: is_written(tmp_path))
    other = AuditLog(tmp_path, SECRET)
    other.add(entry(2))
    other.close()
    log.add(entry(3))
    log.close()

    assert [json.loads(line)["request_id"] for line in (tmp_path / FILE).read_text().splitlines()] == list("123")
    assert broken_lines(tmp_path / FILE) == []


def test_no_text_of_a_client_can_make_a_line_of_its_own(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, SECRET)
    log.add(entry(1, target='/a\r\n{"forged": 1}\x1b[2J\u2028\x85'))
    log.add(entry(2, body=b'{"TrialName": "x\\n\\u001b[0m"}'))
    log.close()
    text = (tmp_path / FILE).read_text()

    assert len(text.splitlines()) == 2
    assert text.isascii()
    assert "\x1b" not in text


def test_a_line_names_what_a_request_was_about_and_holds_no_body(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, SECRET)
    log.add(entry(1, body=b'{"ExperimentName": "e", "Description": "private"}'))
    log.add(entry(2, body=b"not json"))
    log.add(entry(3, body=b"[" * 60_000))
    log.close()
    text = (tmp_path / FILE).read_text()

    assert [json.loads(line)["target"] for line in text.splitlines()] == ["e", "/", "/"]
    assert "private" not in text


def test_a_disk_that_takes_nothing_is_told_and_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    log = AuditLog(tmp_path / "file", SECRET)
    log.add(entry(1))
    log.close()

    assert log.failures == 1
    assert "could not be written" in caplog.text
