"""F12, F13: forks, and the ends of processes, at awkward moments."""

from __future__ import annotations

import pytest
from kit.processes import Acks, finish, start

from plugin_core.journal import recover


def run(place, tmp_path, code: str, *arguments: object) -> str:
    return finish(start(code, place.spool, place.store.url, Acks(tmp_path / "acks"), *arguments))


def recovered(place):
    report = recover(place.spool, place.store, fallback=place.fallback)
    assert (report.lost_events, report.bad_regions, report.live) == (0, 0, 0)
    return report


TREE = """
journal = opened()
series = journal.series("c", "m")
def grow(depth, number):
    series.log(float(depth), number)
    if depth == 4:
        return
    children = []
    for n in range(3):
        pid = os.fork()
        if pid == 0:
            grow(depth + 1, number * 3 + n + 1)
            os._exit(0)
        children.append(pid)
        series.log(-1.0, 1000 + number)
    for pid in children:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
grow(0, 0)
"""


def test_a_tree_of_forks_writes_each_to_a_file_of_its_own(place, tmp_path) -> None:
    run(place, tmp_path, TREE)
    recovered(place)

    points = place.store.points()
    assert sorted(step for step, value in points if value >= 0) == list(range(121))
    assert sum(value == -1.0 for _, value in points) == 120


FORK_AMID_THREADS = """
journal = opened("1s")
stop = threading.Event()
counts = [0, 0, 0]
def work(n):
    log = journal.series("c", f"t{n}").log
    while not stop.is_set():
        log(0.5, counts[n])
        counts[n] += 1
        if counts[n] % 100 == 0:
            time.sleep(0.001)  # else the three of them leave the main thread no turn to fork
threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(3)]
for thread in threads:
    thread.start()
for number in range(100):
    pid = os.fork()
    if pid == 0:
        journal.series("c", "child").log(0.5, number)
        journal.series("c", "t0").log(0.5, 10**9 + number)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
stop.set()
for thread in threads:
    thread.join()
print(*counts)
"""


def test_forks_amid_threads_that_log_neither_hang_nor_lose(place, tmp_path) -> None:
    counts = [int(n) for n in run(place, tmp_path, FORK_AMID_THREADS).split()]
    recovered(place)

    assert sorted(place.store.steps(metric="child")) == list(range(100))
    steps = place.store.steps(metric="t0")
    assert sorted(s for s in steps if s >= 10**9) == list(range(10**9, 10**9 + 100))
    assert sorted(s for s in steps if s < 10**9) == list(range(counts[0]))
    assert [len(place.store.steps(metric=f"t{n}")) for n in (1, 2)] == counts[1:]


ORPHAN = """
journal = opened("1s")
journal.series("c", "m").log(0.5, 0)
journal.sync()
if os.fork() == 0:
    sys.stdout.close()
    sys.stderr.close()
    os.close(1)
    os.close(2)
    time.sleep(float(arguments[0]))
    os._exit(0)
os.kill(os.getpid(), 9)
"""


def test_a_forked_child_does_not_keep_its_dead_parents_lock(place, tmp_path) -> None:
    process = start(ORPHAN, place.spool, place.store.url, Acks(tmp_path / "acks"), 5)
    process.wait(30)

    recovered(place)
    assert place.store.steps() == [0]
    process.communicate()


MULTIPROCESSING = """
import multiprocessing
journal = opened()
def work(number):
    opened().series("c", "m").log(0.5, number)
    return number
if __name__ == "__main__":
    opened().series("c", "m").log(0.5, 100)
    with multiprocessing.get_context(arguments[0]).Pool(2) as pool:
        assert pool.map(work, range(20)) == list(range(20))
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_pools_of_processes_lose_nothing(place, tmp_path, method: str) -> None:
    from kit.processes import PREAMBLE

    script = tmp_path / "pool.py"
    script.write_text(PREAMBLE + MULTIPROCESSING)
    run(place, tmp_path, f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')", method)
    recovered(place)

    assert sorted(place.store.steps()) == [*range(20), 100]


DRAIN_IN_CHILD = """
from plugin_core.stores import open_store
opened_store = store()
journal = opened()
drainer = Drainer(journal, lambda: opened_store, interval_s=0.0)
series = journal.series("c", "m")
series.log(0.5, 0)
assert drainer.flush(20)
pid = os.fork()
if pid == 0:
    series.log(0.5, 1)
    assert drainer.flush(20)
    drainer.close(20)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
series.log(0.5, 2)
drainer.close(20)
"""


def test_the_drain_works_in_a_forked_child_too(place, tmp_path) -> None:
    from plugin_core.stores import open_store

    url = f"sqlite:///{tmp_path}/record.db"
    finish(start(DRAIN_IN_CHILD, place.spool, url, Acks(tmp_path / "acks")))
    store = open_store(url)

    assert [p.step for p in store.points(store.component("c").id, "m")] == [0, 1, 2]
    assert place.files == []


ENDS = {
    "falls off its end with a daemon thread that logs": """
journal = opened("1s")
drainer = Drainer(journal, store)
import atexit
atexit.register(drainer.close, 5)
def work():
    i = 0
    while True:
        journal.series("c", "daemon").log(0.5, i)
        i += 1
        view[0] = i
threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
""",
    "is terminated by a signal": """
journal = opened("1s")
drainer = Drainer(journal, store)
import signal
def work():
    i = 0
    while True:
        journal.series("c", "daemon").log(0.5, i)
        i += 1
        view[0] = i
threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(20)
""",
    "logs in a signal handler and leaves by os._exit": """
journal = opened("1s")
drainer = Drainer(journal, store)
import signal
i = 0
def handler(*_):
    journal.series("c", "handler").log(0.5, 0)
    os._exit(0)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
while True:
    journal.series("c", "daemon").log(0.5, i)
    i += 1
    view[0] = i
""",
    "logs from finalizers on its way out": """
journal = opened("1s")
class Late:
    def __del__(self, log=journal.series("c", "late").log):
        log(0.5)
late = [Late() for _ in range(10)]
for i in range(1000):
    journal.series("c", "daemon").log(0.5, i)
    Late()
    view[0] = i + 1
""",
}


@pytest.mark.parametrize("end", ENDS)
def test_however_a_process_ends_what_it_logged_is_kept(place, tmp_path, end: str) -> None:
    from plugin_core.stores import open_store

    url, acks = f"sqlite:///{tmp_path}/record.db", Acks(tmp_path / "acks")
    process = start(ENDS[end], place.spool, url, acks)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (-15 if "signal" in end and "handler" not in end else 0)
    assert not err
    store = open_store(url)
    recover(place.spool, store, fallback=place.fallback)

    component = store.component("c").id
    found = [p.step for p in store.points(component, "daemon")]
    assert sorted(found) == list(range(len(found)))
    assert acks[0] <= len(found) <= acks[0] + 1
    assert acks[0] > 0
    if "handler" in end:
        assert [p.step for p in store.points(component, "handler")] == [0]
    if "finalizers" in end:
        assert len(list(store.points(component, "late"))) == 1010
    assert place.files == []
