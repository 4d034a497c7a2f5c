"""The code version is true where git knows it, and costs nothing and breaks nothing where it does not."""

import os
import subprocess
from pathlib import Path

import pytest

from plugin_core.capture import code
from plugin_core.capture.code import CodeVersion, code_version, without_credentials


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one commit, untouched by the machine's own git configuration."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "trunk")
    (root / "flow.py").write_text("x = 1\n")
    git(root, "add", "flow.py")
    git(root, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-q", "-m", "first")
    return root


def git(root, *arguments):
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def _fresh_cache():
    code._read.cache_clear()


def test_a_clean_tree_gives_commit_branch_and_entry(repository):
    version = code_version(repository, script=str(repository / "flow.py"))

    assert version == CodeVersion(
        root=repository.resolve(),
        commit=git(repository, "rev-parse", "HEAD"),
        branch="trunk",
        dirty=False,
        remote=None,
        entry="flow.py",
    )
    assert version.to_properties() == {
        "git.commit": version.commit,
        "git.branch": "trunk",
        "git.dirty": "false",
        "code.entry": "flow.py",
    }


def test_a_file_in_a_subfolder_finds_the_repository_around_it(repository):
    (repository / "deep" / "er").mkdir(parents=True)
    (repository / "deep" / "er" / "task.py").write_text("")

    version = code_version(repository / "deep" / "er" / "task.py", script="")

    assert version.root == repository.resolve()
    assert version.entry is None


def test_an_entry_outside_of_the_repository_or_gone_is_named_as_it_is(repository, tmp_path):
    (tmp_path / "elsewhere.py").write_text("")

    assert code_version(repository, script=str(tmp_path / "elsewhere.py")).entry == str(tmp_path / "elsewhere.py")
    assert code_version(repository, script="gone.py").entry == "gone.py"


@pytest.mark.parametrize("change", ["edit", "untracked"])
def test_an_edited_or_untracked_file_makes_the_tree_dirty(repository, change):
    (repository / ("flow.py" if change == "edit" else "new.py")).write_text("x = 2\n")

    assert code_version(repository).dirty is True


def test_looking_leaves_the_index_as_it_was(repository):
    os.utime(repository / "flow.py", (1, 1))  # git would refresh its index for this
    before = (repository / ".git" / "index").read_bytes()

    code_version(repository)

    assert (repository / ".git" / "index").read_bytes() == before


def test_a_detached_head_has_a_commit_and_no_branch(repository):
    git(repository, "checkout", "-q", "--detach")

    version = code_version(repository)

    assert (version.branch, version.commit) == (None, git(repository, "rev-parse", "HEAD"))


def test_a_repository_without_a_commit_is_told_by_its_branch(tmp_path):
    git(tmp_path, "init", "-q", "-b", "trunk")

    version = code_version(tmp_path)

    assert (version.commit, version.branch, version.dirty) == (None, "trunk", False)


def test_a_git_variable_of_an_outer_hook_does_not_redirect_us(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))

    assert code_version(repository).root == repository.resolve()


def test_the_remote_is_origin_without_its_credentials(repository):
    git(repository, "remote", "add", "backup", "/srv/backup.git")
    git(repository, "remote", "add", "origin", "https://me:s3cret@example.org/team/code.git")

    version = code_version(repository)

    assert version.remote == "https://example.org/team/code.git"
    assert "s3cret" not in str(version.to_properties())


def test_without_origin_the_first_remote_counts(repository):
    git(repository, "remote", "add", "upstream", "git@example.org:team/code.git")

    assert code_version(repository).remote == "git@example.org:team/code.git"


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://token@example.org/a.git", "https://example.org/a.git"),
        ("https://example.org:8443/a.git?access_token=t#f", "https://example.org:8443/a.git"),
        ("ssh://git:pw@example.org:22/a.git", "ssh://git@example.org:22/a.git"),
        ("git@example.org:a.git", "git@example.org:a.git"),
        ("user:pw@example.org:a.git", "example.org:a.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("https://u:p@[::1]/a.git", "https://[::1]/a.git"),
        ("https://u:p@[oops/a.git", None),
    ],
)
def test_credentials_are_stripped_wherever_they_stand(url, clean):
    assert without_credentials(url) == clean


@pytest.mark.parametrize("start", ["missing/folder", "nul\0byte", "nul\0byte/task.py"])
def test_outside_of_a_repository_there_is_no_version(tmp_path, monkeypatch, start):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))

    assert code_version(tmp_path) is None
    assert code_version(Path(tmp_path, start)) is None


def test_without_git_there_is_no_version(repository):
    assert code_version(repository, git=str(repository / "no-such-git")) is None


def test_a_repository_of_someone_else_is_refused_by_git_and_by_us(repository, tmp_path):
    refusing = script_named(tmp_path / "git", 'echo "fatal: detected dubious ownership" >&2; exit 128')

    assert code_version(repository, git=refusing) is None


def test_a_tree_too_large_to_look_through_is_undecided(repository, tmp_path):
    slow = script_named(tmp_path / "git", 'for a in "$@"; do [ "$a" = status ] && exec sleep 60; done; exec git "$@"')

    version = code_version(repository, git=slow, timeout_s=1.0)

    assert version.dirty is None
    assert "git.dirty" not in version.to_properties()


def test_git_is_asked_once_per_folder(repository, tmp_path):
    counting = script_named(tmp_path / "git", f'echo x >> {tmp_path}/calls; exec git "$@"')

    first = code_version(repository, git=counting)
    (repository / "flow.py").write_text("x = 3\n")

    assert code_version(repository, git=counting) is first
    assert len((tmp_path / "calls").read_text().split()) == 5


def script_named(path, body):
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)
