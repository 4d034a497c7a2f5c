"""What must not be in the repository."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTS = re.compile(r"(?i)pypi\.org|pythonhosted|registry\.npmjs|files\.python|deb\.debian|index-url|extra-index")
PATHS = re.compile(r"/(?:root|home|Users)/[\w.]+/|/work/|/tmp/[a-z]+\.[A-Za-z0-9]+/")
SKIPPED = {"LICENSE", "tests/repo/test_hygiene.py"}


def tracked():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    for name in listed:
        if name and name not in SKIPPED and (ROOT / name).is_file():
            data = (ROOT / name).read_bytes()
            if b"\0" not in data:
                yield name, data.decode()


def test_no_file_names_a_package_registry_or_a_path_of_a_machine():
    found = [
        f"{name}: {match[0]}" for name, text in tracked() for rule in (HOSTS, PATHS) if (match := rule.search(text))
    ]

    assert found == []


CONSTRAINTS = [ROOT / "constraints.txt", *sorted(ROOT.glob("constraints/*.txt"))]


@pytest.mark.parametrize("file", CONSTRAINTS, ids=lambda path: path.name)
def test_constraints_are_plain_pins(file):
    lines = file.read_text().splitlines()

    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[\w.+!]+", line)] == []


ORCHESTRATORS = [file for file in CONSTRAINTS[1:] if not file.name.startswith("clients-")]


@pytest.mark.parametrize("file", ORCHESTRATORS, ids=lambda path: path.name)
def test_constraints_pin_the_version_that_they_are_named_after(file):
    package, _, version = file.stem.partition("-")

    assert f"{package}=={version}" in file.read_text().splitlines()


def test_no_module_has_a_name_that_says_nothing():
    names = {path.stem for package in ("plugin_core", "prefect_integration") for path in (ROOT / package).rglob("*.py")}

    assert names.isdisjoint({"utils", "helpers", "common", "base", "manager", "misc"})
