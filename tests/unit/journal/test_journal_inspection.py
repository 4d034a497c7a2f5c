"""Looking into one file: what it holds is told, what it lacks too, and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugin_core.errors import InvalidValueError
from plugin_core.journal.inspection import JournalFile
from plugin_core.model.changes import AppendPoints, PutExperiment

DATA = Path(__file__).parents[2] / "data" / "journal"


@pytest.fixture
def written(place) -> Path:
    journal = place.journal()
    journal.append(PutExperiment(at=1, name="e"))
    for i in range(100):
        journal.series("c", "m").log(float(i), i, i)
    journal.close()
    return place.files[0]


def read(path: Path) -> tuple[JournalFile, list]:
    file = JournalFile(path)
    return file, list(file.changes())


def test_a_whole_file_gives_all_that_was_written(written: Path) -> None:
    before = written.read_bytes()
    file, changes = read(written)

    assert changes[0] == PutExperiment(at=1, name="e")
    assert [step for c in changes if isinstance(c, AppendPoints) for step in c.steps] == list(range(100))
    assert (file.events, file.is_sealed, bool(file.damage), file.is_newer) == (101, True, False, False)
    assert file.header is not None
    assert written.read_bytes() == before


def test_damage_is_told_by_its_place_and_what_it_took(written: Path) -> None:
    data = bytearray(written.read_bytes())
    data[-200:-190] = b"x" * 10
    written.write_bytes(data)
    file, _ = read(written)

    assert file.damage.lost_events >= 1
    ((start, end),) = file.damage.regions
    assert start <= len(data) - 200 < len(data) - 190 <= end


def test_a_file_of_another_name_is_known_by_its_header(written: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.bin"
    copy.write_bytes(written.read_bytes())

    file, changes = read(copy)
    assert (file.journal, len(changes)) == (JournalFile(written).journal, 2)


def test_a_file_without_a_header_is_known_by_its_name(written: Path) -> None:
    data = bytearray(written.read_bytes())
    data[4:8] = b"\0" * 4
    written.write_bytes(data)
    file, _ = read(written)

    assert file.header is None
    assert (file.events, bool(file.damage)) == (101, True)


@pytest.mark.parametrize("content", [b"", b"text", b"\xf7\x1e" + b"\0" * 40])
def test_what_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.txt"
    path.write_bytes(content)

    with pytest.raises(InvalidValueError, match="is no journal"):
        JournalFile(path)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="cannot be read: No such file"):
        JournalFile(tmp_path / "missing.jrn")
    with pytest.raises(InvalidValueError, match="cannot be read: Is a directory"):
        JournalFile(tmp_path)


def test_a_file_of_the_first_format_is_read() -> None:
    (path,) = DATA.glob("*.jrn")
    file, changes = read(path)

    assert changes
    assert not file.damage
