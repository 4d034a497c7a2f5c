"""`flowtrail run`: the command runs as if it had been started directly."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_core.cli import run as module
from plugin_core.tracking.settings import read_settings
from plugin_core.tracking.settings_sources import Surroundings


def flowtrail(cwd: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plugin_core.cli", "run", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=clean_environment(cwd, **environ), capture_output=True, text=True, check=False
    )


def clean_environment(cwd: Path, **environ: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLOWTRAIL_", "PREFECT_"))}
    return {**kept, "XDG_DATA_HOME": str(cwd / "data"), **environ}


@pytest.mark.parametrize("status", [0, 1, 2, 42, 255])
def test_the_exit_status_is_the_commands(tmp_path, status):
    assert flowtrail(tmp_path, "-q", sys.executable, "-c", f"raise SystemExit({status})").returncode == status


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_the_signal_that_ended_the_command_ends_us(tmp_path, signum):
    done = flowtrail(tmp_path, "-q", sys.executable, "-c", f"import os; os.kill(os.getpid(), {int(signum)})")
    assert done.returncode == -signum


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on_once(tmp_path, signum):
    code = (
        "import signal, sys, time\n"
        "seen = []\n"
        f"signal.signal({int(signum)}, lambda n, _: seen.append(n))\n"
        "print('ready', flush=True)\n"
        "while not seen: time.sleep(0.01)\n"
        "time.sleep(0.1); print(len(seen)); sys.exit(7)"
    )
    command = [sys.executable, "-m", "plugin_core.cli", "run", "-q", sys.executable, "-c", code]
    with subprocess.Popen(
        command, cwd=tmp_path, env=clean_environment(tmp_path), stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout.readline() == "ready\n"
        started.send_signal(signum)
        assert (started.stdout.read(), started.wait()) == ("1\n", 7)


def test_what_the_command_prints_and_reads_is_untouched(tmp_path):
    code = "import sys; sys.stdout.write(sys.stdin.read()[::-1]); sys.stderr.write('e')"
    command = [sys.executable, "-m", "plugin_core.cli", "run", "-q", "--", sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env=clean_environment(tmp_path), input=b"abc", capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"cba", b"e")


def test_options_after_the_command_are_the_commands(tmp_path):
    code = "import sys; print(sys.argv[1:])"
    done = flowtrail(tmp_path, "-q", sys.executable, "-c", code, "--store", "x", "-q", "--", "--json", "-h")
    assert done.stdout == "['--store', 'x', '-q', '--', '--json', '-h']\n"


def test_a_script_is_run_by_python(tmp_path):
    (tmp_path / "flow.py").write_text("import sys; print(sys.argv)")
    assert flowtrail(tmp_path, "-q", "flow.py", "a").stdout == "['flow.py', 'a']\n"


def test_a_command_that_does_not_exist_is_said_as_a_shell_says_it(tmp_path):
    done = flowtrail(tmp_path, "no-such-command-here")
    assert (done.returncode, done.stderr) == (127, "flowtrail: no-such-command-here: command not found\n")


def test_a_file_that_cannot_be_executed_is_said_as_a_shell_says_it(tmp_path):
    (tmp_path / "data.txt").write_text("x")
    done = flowtrail(tmp_path, "./data.txt")
    assert (done.returncode, done.stderr) == (126, "flowtrail: ./data.txt: Permission denied\n")


def test_the_command_finds_the_record_from_any_folder(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    code = (
        "import os; os.chdir('/')\n"
        "from plugin_core.tracking.settings import current_settings as s; print(s().store, s().experiment)"
    )
    done = flowtrail(tmp_path, "-q", "-e", "fraud", sys.executable, "-c", code)
    assert done.stdout == f"sqlite:///{tmp_path}/.flowtrail/record.db fraud\n"


def test_switched_off_nothing_is_added_to_the_environment(tmp_path):
    code = "import os; print(sorted(k for k in os.environ if k.startswith(('FLOWTRAIL_', 'PREFECT_'))))"
    done = flowtrail(tmp_path, sys.executable, "-c", code, FLOWTRAIL_DISABLED="1")
    assert (done.stdout, done.stderr) == ("['FLOWTRAIL_DISABLED']\n", "")


def made(adapters, tmp_path, *, says_store=False, **environ):
    settings, _ = read_settings({}, Surroundings(environ={"XDG_DATA_HOME": str(tmp_path), **environ}, cwd=tmp_path))
    return module.recording_environment(environ, settings, adapters, says_store=says_store)


def test_each_adapter_adds_to_what_those_before_it_made(tmp_path):
    adapters = {"a": lambda e: {"X": "1"}, "b": lambda e: {"X": e["X"] + "2"}}
    assert made(adapters, tmp_path)["X"] == "12"


def test_an_adapter_that_fails_costs_its_record_only(tmp_path, capsys):
    adapters = {"bad": lambda e: {}["missing"], "good": lambda e: {"Y": "1"}}

    assert made(adapters, tmp_path)["Y"] == "1"
    assert "bad will not be recorded (KeyError" in capsys.readouterr().err


def test_no_password_is_put_into_the_environment(tmp_path):
    environ = made({"a": lambda e: {}}, tmp_path, FLOWTRAIL_STORE="postgresql://me:hunter2@db/x")
    assert environ["FLOWTRAIL_STORE"] == "postgresql://me:hunter2@db/x"  # as the user set it
    (tmp_path / "flowtrail.toml").write_text("store = 'postgresql://me:hunter2@db/x'\n")
    assert "hunter2" not in str(made({"a": lambda e: {}}, tmp_path))


def test_a_store_that_was_asked_for_beats_that_of_the_enclosing_step(tmp_path):
    context = {"FLOWTRAIL_RUN_CONTEXT": "{}"}
    assert "FLOWTRAIL_RUN_CONTEXT" in made({"a": lambda e: {}}, tmp_path, **context)
    assert "FLOWTRAIL_RUN_CONTEXT" not in made({"a": lambda e: {}}, tmp_path, says_store=True, **context)
