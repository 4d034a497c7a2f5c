"""`flowtrail audit verify` over what a server's audit wrote."""

import json
import os
from pathlib import Path

import pytest

from plugin_core import configure
from plugin_core.server.audit import FILE, AuditLog, Entry
from plugin_core.server.secret import server_secret


def entry(target: str) -> Entry:
    return Entry(
        at="2026-03-01T12:00:00.000+00:00", request_id="1", ip="10.0.0.1", tenant="default", key_id="FT1",
        role="writer", action="CreateExperiment", target=target, result="200",
    )  # fmt: skip


@pytest.fixture
def audit(folder: Path) -> Path:
    """The audit of three requests, in the folder that the settings name."""
    server_dir = configure(server_dir=folder / "server").server_dir
    log = AuditLog(server_dir, server_secret(server_dir, os.environ))
    for target in ("a", "b", "c"):
        log.add(entry(target))
    log.close()
    return server_dir / FILE


def test_a_whole_audit_is_verified_with_the_seal_of_its_end(audit: Path, flowtrail) -> None:
    last = json.loads(audit.read_text().splitlines()[-1])["seal"]
    answer = flowtrail("audit", "verify")

    assert answer.status == 0
    assert answer.out == f"ok  {audit}  3 lines, the last sealed {last}\n"
    assert flowtrail("audit", "verify", str(audit), "--json").json == [
        {"path": str(audit), "lines": 3, "broken": [], "last_seal": last}
    ]


def test_a_line_that_was_changed_and_one_that_is_missing_fail_the_check(audit: Path, flowtrail) -> None:
    lines = audit.read_text().splitlines(keepends=True)
    audit.write_text(lines[0].replace('"10.0.0.1"', '"10.0.0.2"') + lines[2])
    answer, asked = flowtrail("audit", "verify"), flowtrail("audit", "verify", "--json")

    assert (answer.status, asked.status) == (1, 1)
    assert answer.out.startswith(f"broken  {audit}  2 lines")
    assert "line 1 is not what was written" in answer.out
    assert "line 2 does not follow the line before it" in answer.out
    assert asked.json[0]["broken"] == [{"line": 1, "flaw": "changed"}, {"line": 2, "flaw": "misplaced"}]


def test_lines_that_were_taken_off_the_end_fail_the_check_for_who_noted_a_seal(audit: Path, flowtrail) -> None:
    noted = flowtrail("audit", "verify", "--json").json[0]["last_seal"]
    assert flowtrail("audit", "verify", "--seal", noted).status == 0

    audit.write_text("".join(audit.read_text().splitlines(keepends=True)[:2]))
    answer = flowtrail("audit", "verify", "--seal", noted)

    assert answer.status == 1
    assert "taken off the end" in answer.err
    assert flowtrail("audit", "verify").status == 0


def test_a_file_that_is_not_there_and_a_server_without_a_secret_are_told_and_made_by_nobody(
    folder: Path, flowtrail
) -> None:
    configure(server_dir=folder / "server")
    assert flowtrail("audit", "verify").status == 2
    assert not (folder / "server").exists()

    server_secret(folder / "server", os.environ)
    answer = flowtrail("audit", "verify")
    assert answer.status == 2
    assert "cannot be read" in answer.err
