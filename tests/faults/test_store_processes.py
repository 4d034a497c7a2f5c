"""The embedded store under processes: many at once on a fresh file, forks, kills, a full disk."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from plugin_core.stores import open_store
from plugin_core.testing.contract.making import names

PREAMBLE = """
import os, signal, sys, threading, time
from plugin_core.stores import open_store
from plugin_core.testing.contract.making import batch, component, names, parameters, points
URL = sys.argv[1]
"""


def start(code: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    program = PREAMBLE + textwrap.dedent(code)
    command = [sys.executable, "-W", "error", "-c", program, f"sqlite:///{path}", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(code: str, path: Path, *arguments: str) -> str:
    with start(code, path, *arguments) as process:
        try:
            out, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, error
    return out


def assert_sound(path: Path) -> None:
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert check.execute("PRAGMA foreign_key_check").fetchall() == []
    check.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_sixteen_processes_open_one_fresh_file_at_once(tmp_path: Path) -> None:
    code = """
    import alembic.script
    import plugin_core.stores.local
    def write(journal):
        store = open_store(URL)
        for n in range(5):
            changes = (component(f"{journal}-{n}"), points("shared", [1.0]))
            assert store.apply(batch(*changes, journal=journal, start=n, end=n + 1))
        store.close()
    children = []
    for i in range(16):
        children.append(os.fork())
        if children[-1] == 0:
            write(f"j{i}")
            os._exit(0)
    print([os.waitpid(child, 0)[1] for child in children])
    """
    path = tmp_path / ".flowtrail" / "record.db"
    assert run(code, path).strip() == str([0] * 16)

    store = open_store(f"sqlite:///{path}")
    assert len(names(store, experiment="search")) == 80
    assert {store.component(name).number for name in names(store, experiment="search")} == set(range(1, 81))
    assert store.counts()["points"] == 80
    store.close()
    assert not list(path.parent.glob("backup*"))
    assert_sound(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_of_processes_that_make_the_same_things_one_makes_each(tmp_path: Path) -> None:
    code = """
    import plugin_core.stores.local
    from plugin_core.errors import ConflictError
    from plugin_core.testing.contract.making import experiment
    def make():
        store, made = open_store(URL), 0
        for n in range(20):
            try:
                store.write([experiment(f"e{n}", new=True)])
                made += 1
            except ConflictError:
                pass
        store.close()
        return made
    open_store(URL).close()
    reading, writing = os.pipe()
    children = []
    for _ in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            os.write(writing, b"%d\\n" % make())
            os._exit(0)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    os.close(writing)
    print(*os.read(reading, 99).split())
    """
    counts = run(code, tmp_path / "record.db").replace("b", "").replace("'", "").split()

    assert len(counts) == 4
    assert sum(map(int, counts)) == 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_store_is_usable_on_both_sides_of_a_fork(tmp_path: Path) -> None:
    code = """
    store = open_store(URL)
    store.write([component("before")])
    assert names(store) == ["before"]
    child = os.fork()
    if child == 0:
        store.write([component("child", at=2)])
        grandchild = os.fork()
        if grandchild == 0:
            store.write([component("grandchild", at=3)])
            os._exit(0)
        assert os.waitpid(grandchild, 0)[1] == 0
        assert names(store) == ["grandchild", "child", "before"]
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    store.write([component("after", at=4)])
    print(*names(store))
    store.close()
    """
    assert run(code, tmp_path / "record.db").split() == ["after", "grandchild", "child", "before"]
    assert_sound(tmp_path / "record.db")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forks_while_threads_write_and_read_hang_nowhere(tmp_path: Path) -> None:
    code = """
    store = open_store(URL)
    done = threading.Event()
    counts = [0, 0]
    def write(thread):
        while not done.is_set():
            store.apply(batch(component(f"t{thread}-{counts[thread]}"), journal=f"t{thread}", start=counts[thread],
                              end=counts[thread] + 1))
            counts[thread] += 1
    def read():
        while not done.is_set():
            names(store, limit=5)
    threads = [threading.Thread(target=write, args=(i,)) for i in range(2)] + [threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    failed = 0
    for n in range(25):
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            store.write([component(f"child-{n}")])
            os._exit(0)
        failed += os.waitpid(child, 0)[1] != 0
    done.set()
    for thread in threads:
        thread.join()
    found = names(store)
    assert sum(name.startswith("child-") for name in found) == 25, (failed, len(found))
    assert len(found) == 25 + sum(counts)
    print(failed)
    store.close()
    """
    assert run(code, tmp_path / "record.db").strip() == "0"
    assert_sound(tmp_path / "record.db")


def test_the_death_of_a_parent_frees_its_lock_though_a_child_lives(tmp_path: Path) -> None:
    code = """
    store = open_store(URL)
    store.write([component("c")])
    with store._connections.locked():
        if os.fork() == 0:
            os.close(1); os.close(2)
            time.sleep(20)
            os._exit(0)
        print("held", os.getpid(), flush=True)
        time.sleep(20)
    """
    with start(code, tmp_path / "record.db") as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith("held")
        parent.kill()

    store = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    store.write([])
    assert names(store) == ["c"]
    store.close()


def test_a_writer_killed_at_any_moment_leaves_whole_batches(tmp_path: Path) -> None:
    code = """
    store = open_store(URL)
    print("ready", flush=True)
    n = store.watermark("j")
    while True:
        store.apply(batch(component(f"c{n}"), points("c", [1.0] * 10), journal="j", start=n, end=n + 1))
        n += 1
        print(n, flush=True)
    """
    path = tmp_path / "record.db"
    acknowledged = 0
    for lines in (1, 4, 9, 2):
        with start(code, path) as writer:
            assert writer.stdout is not None
            said = [writer.stdout.readline().strip() for _ in range(lines)]
            writer.send_signal(signal.SIGKILL)
            said += writer.stdout.read().split()
        acknowledged = max([acknowledged, *(int(line) for line in said if line.isdigit())])

        store = open_store(f"sqlite:///{path}")
        position = store.watermark("j")
        assert position in {acknowledged, acknowledged + 1}
        assert store.counts()["points"] == position * 10
        store.close()
        acknowledged = position
    assert_sound(path)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    code = """
    import resource
    from plugin_core.errors import StoreUnavailableError
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = open_store(URL)
    store.apply(batch(component("before"), end=1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    large = batch(parameters("large", {"p": os.urandom(1_000_000).hex()}), start=1, end=2)
    try:
        store.apply(large)
    except StoreUnavailableError as error:
        print(type(error).__name__)
    assert names(store) == ["before"]
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert store.apply(large)
    print(store.watermark("journal-1"))
    store.close()
    """
    assert run(code, tmp_path / "record.db").split() == ["StoreUnavailableError", "2"]
    assert_sound(tmp_path / "record.db")
