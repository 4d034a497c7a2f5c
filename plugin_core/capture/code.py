"""Which code ran: git's commit, branch, remote and whether the tree is dirty, and the script that was started.

Asks the ``git`` command, never longer than a few seconds, never with a prompt, and never raises: what
cannot be found out is None. Nothing is written to the repository, not even its index.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_TIMEOUT_S: Final = 2.0  # a question; telling whether a huge tree is dirty may take longer, and is then undecided
# No prompt and no refresh of the index on disk, which would take a lock that the user's own git waits for.
_QUIET_ENVIRONMENT: Final = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
# Variables by which a hook or an outer git command names its repository: ours is the folder's.
_REDIRECTING: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"})
_USER_AT: Final = re.compile(r"[^/@:]+@")


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeVersion:
    """What identifies the code. ``dirty`` is None where that could not be told in time; a new repository has no commit.

    ``entry`` is the started script, relative to ``root`` where it lies below it; None at a prompt.
    """

    root: Path
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None
    remote: str | None = None
    entry: str | None = None

    def to_properties(self) -> dict[str, str]:
        """The facts that are known, as properties of a component."""
        facts = {
            "git.commit": self.commit,
            "git.branch": self.branch,
            "git.dirty": None if self.dirty is None else str(self.dirty).lower(),
            "git.remote": self.remote,
            "code.entry": self.entry,
        }
        return {key: value for key, value in facts.items() if value is not None}


def code_version(
    start: Path, *, script: str | None = None, git: str = "git", timeout_s: float = _TIMEOUT_S
) -> CodeVersion | None:
    """The version of the code in the repository around ``start`` (a file or folder); None outside of any.

    ``script`` is the path of what was started, ``sys.argv[0]`` by default; ``git`` the command to ask.
    Takes milliseconds, and at most ``timeout_s`` for each of five questions. The answer is kept per folder
    for as long as this process lives.
    """
    try:
        folder = start if start.is_dir() else start.parent
        return _read(folder.resolve(), sys.argv[0] if script is None else script, _Git(git, timeout_s))
    except (OSError, ValueError):  # a folder that is gone, closed to us or no path at all
        return None


@dataclass(frozen=True, slots=True)
class _Git:
    command: str
    timeout_s: float

    def ask(self, folder: Path, *arguments: str) -> bytes | None:
        """What git answers; None if there is no git, it refuses or it takes too long."""
        try:
            done = subprocess.run(  # noqa: S603
                [self.command, *arguments],
                cwd=folder,
                env=_environment(os.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.timeout_s,
                check=False,
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None


@lru_cache(maxsize=64)
def _read(folder: Path, script: str, git: _Git) -> CodeVersion | None:
    top = git.ask(folder, "rev-parse", "--show-toplevel")
    if not top:
        return None
    root = Path(os.fsdecode(top))
    changes = git.ask(root, "-c", "core.fsmonitor=false", "status", "--porcelain", "--untracked-files=normal")
    return CodeVersion(
        root=root,
        commit=_text(git.ask(root, "rev-parse", "--verify", "--quiet", "HEAD")),
        branch=_text(git.ask(root, "symbolic-ref", "--short", "--quiet", "HEAD")),
        dirty=None if changes is None else bool(changes),
        remote=_remote(_text(git.ask(root, "config", "--get-regexp", r"^remote\..*\.url$")) or ""),
        entry=_entry(script, root),
    )


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environ.items() if key not in _REDIRECTING} | _QUIET_ENVIRONMENT


def _text(answer: bytes | None) -> str | None:
    return answer.decode("utf-8", "replace") if answer else None


def _remote(listing: str) -> str | None:
    """The URL of ``origin``, else of the first remote, out of git's lines of ``remote.<name>.url <url>``."""
    urls = dict(line.split(" ", 1) for line in listing.splitlines() if " " in line)
    url = urls.get("remote.origin.url") or next(iter(urls.values()), None)
    return None if url is None else without_credentials(url)


def without_credentials(url: str) -> str | None:
    """A remote's URL without user, password, query and fragment, None if it is no URL; ssh keeps its user.

    A token may stand in any of these places, for http also where the user's name belongs.
    """
    if "://" not in url:  # a path, or ssh's short form user@host:path
        return url if "@" not in url or _USER_AT.match(url) else url.rpartition("@")[2]
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        user = f"{parts.username}@" if parts.username and "ssh" in parts.scheme else ""
    except ValueError:
        return None
    return urlunsplit((parts.scheme, user + host, parts.path, "", ""))


def _entry(script: str, root: Path) -> str | None:
    if script in {"", "-c", "-m", "-"}:
        return None
    path = Path(script).resolve()
    if not path.is_file():
        return script
    return path.relative_to(root.resolve()).as_posix() if path.is_relative_to(root.resolve()) else str(path)
