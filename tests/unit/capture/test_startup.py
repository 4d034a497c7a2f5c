"""Recording that begins with the process: of any module, in any process below the one that asked for it."""

import os
import subprocess
import sys
import textwrap

from plugin_core.capture.startup import AUTOLOG_VARIABLE, startup_environment

ORCHESTRATOR = "steps = []\ndef run():\n    return 'ran'\n"
ADAPTER = "import sys\ndef autolog():\n    sys.modules['orchestra'].steps.append('recorded')\n"


def python(folder, code, **variables):
    (folder / "orchestra.py").write_text(ORCHESTRATOR)
    (folder / "adapter.py").write_text(ADAPTER)
    environ = {**os.environ, "PYTHONPATH": str(folder), **variables}
    environ |= startup_environment(environ, orchestrator="orchestra", autolog="adapter:autolog")
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


def test_the_adapter_is_called_when_the_orchestrator_is_imported(tmp_path):
    assert python(tmp_path, "import orchestra; print(orchestra.steps, orchestra.run())") == "['recorded'] ran"


def test_nothing_is_imported_before(tmp_path):
    assert python(tmp_path, "import sys; print('adapter' in sys.modules, 'orchestra' in sys.modules)") == "False False"


def test_an_import_inside_a_running_event_loop_counts(tmp_path):
    code = """
    import asyncio
    async def main():
        import orchestra
        print(orchestra.steps)
    asyncio.run(main())
    """
    assert python(tmp_path, code) == "['recorded']"


def test_children_of_the_process_are_armed_too(tmp_path):
    code = """
    import subprocess, sys
    print(subprocess.check_output([sys.executable, "-c", "import orchestra; print(orchestra.steps)"], text=True))
    """
    assert python(tmp_path, code) == "['recorded']"


def test_the_hidden_sitecustomize_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.customized = 'yes'\n")
    assert python(tmp_path, "import orchestra, sitecustomize; print(customized, orchestra.steps)") == "yes ['recorded']"


def test_a_broken_adapter_does_not_break_the_import(tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (tmp_path / "wrong.py").write_text("raise RuntimeError('broken')\n")
    environ = startup_environment({"PYTHONPATH": str(tmp_path)}, orchestrator="json", autolog="wrong:autolog")
    code = "import sys; sys.modules.pop('json', None); import json; print(json.dumps([1]))"
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1]"
    assert done.stderr.strip() == "flowtrail cannot record with wrong:autolog: RuntimeError"


def test_a_python_without_flowtrail_starts_as_ever(tmp_path):
    environ = startup_environment({}, orchestrator="json", autolog="no_such_module:autolog")
    command = [sys.executable, "-S", "-c", "import json; print('fine')"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("fine", "")


def test_asking_twice_changes_nothing_and_others_add_up():
    once = startup_environment({}, orchestrator="prefect", autolog="a:f")
    assert startup_environment(once, orchestrator="prefect", autolog="a:f") == once
    both = startup_environment(once, orchestrator="dagster", autolog="b:f")
    assert both[AUTOLOG_VARIABLE] == "prefect=a:f,dagster=b:f"
