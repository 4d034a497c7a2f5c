"""What a real terminal gets: its width, colours unless it wants none, and bars for long work."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from rich.cells import cell_len

STYLES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(folder, columns, *arguments, **environ):
    """Run the command with all three streams on a terminal of so many columns; return what it wrote."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}}
    env = {**kept, "TERM": "xterm-256color", "FLOWTRAIL_STORE": f"sqlite:///{folder}/record.db", **environ}
    command = [sys.executable, "-m", "plugin_core.cli", *arguments]
    with subprocess.Popen(command, cwd=folder, env=env, stdin=slave, stdout=slave, stderr=slave) as running:
        os.close(slave)
        written = b"".join(iter(lambda: read(master), b""))
        assert running.wait() == 0
    os.close(master)
    return written.decode()


def read(master):
    try:
        return os.read(master, 65_536)
    except OSError:  # the other end was closed
        return b""


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", [("ls",), ("ls", "runs"), ("ls", "artifacts"), ("show", "curious-otter")])
def test_nothing_is_wider_than_the_terminal(record, columns, command):
    lines = STYLES.sub("", on_terminal(record, columns, *command)).splitlines()

    assert len(lines) > 2
    assert [line for line in lines if cell_len(line.rstrip()) > columns] == []


def test_states_have_colours_unless_none_are_wanted(record):
    assert "\x1b[38;" in on_terminal(record, 80, "ls")
    assert "\x1b[38;" not in on_terminal(record, 80, "ls", NO_COLOR="1")


def test_people_are_led_on(record):
    assert "Look further:" in on_terminal(record, 80, "show", "curious-otter")
    assert "2026-03-01" in on_terminal(record, 80, "ls")  # the day; how long ago, where that is less than a month


def test_a_long_copy_shows_a_bar_that_goes_away(record):
    from plugin_core.stores import open_blobs

    open_blobs((record / "blobs").as_uri()).put_bytes(b"a,b\n1,2\n")
    written = on_terminal(record, 80, "get", "frame", "-o", "frame.csv")

    assert "checksum verified" in written
    assert "8/8 bytes" in written


def test_what_waits_to_be_sent_shows_a_bar_while_it_is(record):
    from plugin_core.journal import Outbox
    from plugin_core.model.changes import PutArtifact

    outbox = Outbox(record / "spool", blobs_url=(record / "bucket").as_uri(), store_url=f"sqlite:///{record}/record.db")
    digest = outbox.put_bytes(b"a,b\n1,2\n")
    outbox.post(PutArtifact(at=1, source_uri=digest, type="DataSet", name="sent", blob=digest))
    written = on_terminal(record, 80, "recover")

    assert "8/8 bytes" in written
    assert "1 file sent to the blob store (8 B)." in written
