"""The documentation is complete, its links lead somewhere, and its snippets run."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from plugin_core import errors
from plugin_core.tracking.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
SNIPPET = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#]+)(?:#[^)]*)?\)")
WITH_SNIPPETS = [page for page in PAGES if SNIPPET.search(page.read_text())]


def relative(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_within_the_documentation_lead_to_files(page):
    broken = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]

    assert broken == []


def test_every_setting_has_its_heading():
    text = (ROOT / "docs/reference/settings.md").read_text()
    missing = [f.name for f in dataclasses.fields(Settings) if f"### `{f.name}`" not in text]

    assert missing == []


def test_every_error_has_its_heading_with_its_code():
    text = (ROOT / "docs/reference/errors.md").read_text()
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.FlowtrailError)]
    missing = [c.__name__ for c in classes if f"## `{c.__name__}` ({c.code})" not in text]

    assert missing == []


def test_every_command_has_its_heading_with_all_its_options():
    from typer.main import get_command

    from plugin_core.cli.app import app

    text = (ROOT / "docs/reference/commands.md").read_text()
    for name, command in walk(get_command(app)):
        section = re.search(rf"^## `flowtrail {name}`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert section, f"flowtrail {name}"
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option != "--help":
                    assert option in section[1], f"flowtrail {name} {option}"


def walk(command, prefix=""):
    for name, inner in getattr(command, "commands", {}).items():
        if getattr(inner, "hidden", False):
            continue
        if hasattr(inner, "commands"):
            yield from walk(inner, f"{prefix}{name} ")
        else:
            yield prefix + name, inner


@pytest.mark.parametrize("page", WITH_SNIPPETS, ids=relative)
def test_python_snippets_run_in_order_on_a_fresh_store(page, tmp_path):
    code = "\n".join(SNIPPET.findall(page.read_text()))
    script = tmp_path / "snippets.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:snippets", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(tmp_path),
    )

    assert done.returncode == 0, done.stderr


def environment(home):
    import os

    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("FLOWTRAIL_", "PREFECT_"))},
        "FLOWTRAIL_STORE": f"sqlite:///{home}/record.db",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }
