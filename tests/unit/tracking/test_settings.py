"""Settings: who wins, where paths start, what is refused and how."""

import logging
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from plugin_core import SettingsError
from plugin_core.tracking import settings as module
from plugin_core.tracking.settings import Settings, has_credentials, read_settings, redacted_url
from plugin_core.tracking.settings_sources import Surroundings


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    return folder


def read(cwd: Path, arguments=None, **environ):
    home = {"XDG_CONFIG_HOME": str(cwd.parent / "config"), "XDG_DATA_HOME": str(cwd.parent / "data")}
    return read_settings(arguments or {}, Surroundings(environ={**home, **environ}, cwd=cwd))


def write_profile(project: Path, text: str) -> Path:
    path = project.parent / "config" / "flowtrail" / "profiles.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_project_keeps_its_record_in_its_own_folder(project):
    inner = project / "src" / "deep"
    inner.mkdir(parents=True)
    settings, origins = read(inner)

    assert settings.store == f"sqlite:///{project}/.flowtrail/record.db"
    assert settings.blobs == f"file://{project}/.flowtrail/blobs"
    assert settings.spool_dir == project / ".flowtrail" / "spool"
    assert {str(o) for o in origins.values()} == {"default"}


def test_a_git_folder_marks_a_project_too(tmp_path):
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    assert read(tmp_path / "repo")[0].spool_dir == tmp_path / "repo" / ".flowtrail" / "spool"


def test_outside_a_project_the_record_is_with_the_users_data():
    settings, _ = read_settings({}, Surroundings(environ={"XDG_DATA_HOME": "/data"}, cwd=Path("/nowhere")))
    assert settings.store == "sqlite:////data/flowtrail/record.db"


def test_each_source_wins_over_the_weaker_ones(project):
    steps = [
        ("profile", lambda: write_profile(project, "[work]\nexperiment = 'profile'\n")),
        ("pyproject.toml", lambda: (project / "pyproject.toml").write_text(TOOL)),
        ("flowtrail.toml", lambda: (project / "flowtrail.toml").write_text("experiment = 'flowtrail.toml'\n")),
        (".env", lambda: (project / ".env").write_text("OTHER=1\nexport FLOWTRAIL_EXPERIMENT='.env'\n")),
    ]
    for expected, add in steps:
        add()
        settings, origins = read(project, FLOWTRAIL_PROFILE="work")
        assert (settings.experiment, origins["experiment"].kind) == (expected, expected)
    assert read(project, FLOWTRAIL_PROFILE="work", FLOWTRAIL_EXPERIMENT="env")[0].experiment == "env"
    assert (
        read(project, {"experiment": "arg"}, FLOWTRAIL_PROFILE="work", FLOWTRAIL_EXPERIMENT="e")[0].experiment == "arg"
    )


TOOL = "[tool.flowtrail]\nexperiment = 'pyproject.toml'\n"


def test_the_origin_names_variable_and_file(project):
    (project / "flowtrail.toml").write_text("strict = true\n")
    _, origins = read(project, FLOWTRAIL_CAPTURE="meta")

    assert str(origins["capture"]) == "FLOWTRAIL_CAPTURE"
    assert str(origins["strict"]) == str(project / "flowtrail.toml")
    assert str(origins["durability"]) == "default"


def test_relative_places_start_at_the_file_that_says_them(project):
    inner = project / "inner"
    inner.mkdir()
    (project / "flowtrail.toml").write_text("store = 'sqlite:///runs.db'\nblobs = 'file:big'\nspool_dir = 'sp'\n")
    settings, _ = read(inner)

    assert settings.store == f"sqlite:///{project}/runs.db"
    assert settings.blobs == f"file://{project}/big"
    assert settings.spool_dir == project / "sp"
    assert read(inner, FLOWTRAIL_STORE="sqlite:///runs.db")[0].store == f"sqlite:///{inner}/runs.db"


def test_files_and_journals_lie_beside_a_database_of_ones_own(project):
    settings, _ = read(project, FLOWTRAIL_STORE="sqlite:////srv/team.db")
    assert (settings.blobs, settings.spool_dir) == ("file:///srv/team.blobs", Path("/srv/team.spool"))


def test_a_database_in_memory_stays_there(project):
    settings, _ = read(project, FLOWTRAIL_STORE="sqlite://")
    assert (settings.store, settings.spool_dir) == ("sqlite://", project / ".flowtrail" / "spool")


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("strict", "YES", True),
        ("disabled", "0", False),
        ("capture", "Meta", "meta"),
        ("capture_max_bytes", "1_000", 1000),
        ("flush_timeout_s", "0.5", 0.5),
        ("redact", "ssn, iban ,", ("ssn", "iban")),
        ("durability", "every", "every"),
        ("log_level", "DEBUG", "debug"),
        ("experiment", "  fraud ", "fraud"),
        ("strict", "  ", False),
    ],
)
def test_variables_become_typed_values(project, field, text, value):
    settings, _ = read(project, **{f"FLOWTRAIL_{field.upper()}": text})
    assert getattr(settings, field) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("strict", "maybe"),
        ("capture", "some"),
        ("capture_max_bytes", "-1"),
        ("capture_max_bytes", "10MB"),
        ("flush_timeout_s", "nan"),
        ("durability", "2s"),
        ("store", "record.db"),
        ("store", "sqlite://relative.db"),
        ("blobs", "file://folder/x"),
    ],
)
def test_a_bad_value_is_refused_with_field_value_place_and_what_is_allowed(project, field, text):
    variable = f"FLOWTRAIL_{field.upper()}"
    with pytest.raises(SettingsError) as caught:
        read(project, **{variable: text})

    message = str(caught.value)
    assert all(part in message for part in (field, text, variable, "Allowed: ", "flowtrail-E006"))


def test_an_error_does_not_show_a_password(project):
    (project / "flowtrail.toml").write_text("[store]\nurl = 'postgresql://me:hunter2@db/x'\n")
    with pytest.raises(SettingsError) as caught:
        read(project)
    assert "hunter2" not in str(caught.value)


def test_a_misspelt_key_is_refused_with_the_right_one(project):
    (project / "flowtrail.toml").write_text("experimnt = 'x'\n")
    with pytest.raises(SettingsError, match=r"experimnt \(did you mean experiment\?\)"):
        read(project)


def test_a_misspelt_variable_gets_one_warning(project, caplog):
    with caplog.at_level(logging.WARNING, "flowtrail"):
        settings, _ = read(project, FLOWTRAIL_EXPERIMNT="x", FLOWTRAIL_XYZZY="1", FLOWTRAIL_RUN_CONTEXT="{}")

    assert settings.experiment is None
    assert len(caplog.messages) == 1
    assert "FLOWTRAIL_EXPERIMNT (did you mean FLOWTRAIL_EXPERIMENT?), FLOWTRAIL_XYZZY (in" in caplog.text


def test_a_missing_profile_is_refused_with_those_there_are(project):
    write_profile(project, "[prod]\nstrict = true\n")
    with pytest.raises(SettingsError, match=r"'prd' \(from FLOWTRAIL_PROFILE\).*did you mean prod\?.*holds: prod"):
        read(project, FLOWTRAIL_PROFILE="prd")


def test_broken_toml_is_named(project):
    (project / "flowtrail.toml").write_text("store = \n")
    with pytest.raises(SettingsError, match=r"flowtrail.toml is not valid TOML"):
        read(project)


def test_a_broken_pyproject_is_somebody_elses_matter(project):
    (project / "pyproject.toml").write_text("[tool.flowtrail\n")
    assert read(project)[1]["store"].kind == "default"


def test_every_setting_has_a_parser_and_every_parser_a_setting():
    assert module._PARSERS.keys() == {f.name for f in fields(Settings)}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:s3cret@db/x", "postgresql://me:***@db/x"),
        ("https://h/x?api_key=abc&n=1", "https://h/x?api_key=***&n=1"),
        ("sqlite:////a/b.db", "sqlite:////a/b.db"),
        ("postgresql://me:a/b@c@db/x", None),
    ],
)
def test_passwords_in_urls_are_masked(url, shown):
    masked = redacted_url(url)
    assert masked == shown or (shown is None and "a/b@c" not in masked)
    assert has_credentials(url) is (masked != url)


def in_process(code: str, cwd: Path, **environ: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_configure_overrides_and_can_be_taken_back(project):
    code = (
        "from plugin_core.tracking.settings import *\n"
        "seen = []\n"
        "on_configure(lambda: seen.append(current_settings().experiment))\n"
        "configure(experiment='a'); configure(strict=True); configure(strict=True); configure(experiment=None)\n"
        "print(seen, current_settings().strict, origins()['strict'])"
    )
    printed = in_process(code, project, FLOWTRAIL_EXPERIMENT="env")
    assert printed == "['a', 'a', 'env'] True the argument strict"


def test_a_reset_forgets_every_override(project):
    code = (
        "from plugin_core.tracking.settings import *\n"
        "configure(experiment='a', strict=True); reset_configuration()\n"
        "print(current_settings().experiment, current_settings().strict)"
    )
    assert in_process(code, project) == "None False"


def test_a_refused_configure_changes_nothing(project):
    code = (
        "from plugin_core.tracking.settings import *\n"
        "from plugin_core import SettingsError\n"
        "for bad in ({'capture': 'x'}, {'experimnt': 'x'}):\n"
        "    try: configure(**bad)\n"
        "    except SettingsError as e: print(e.code)\n"
        "print(current_settings().capture)"
    )
    assert in_process(code, project).split() == ["flowtrail-E006", "flowtrail-E006", "full"]


@pytest.mark.parametrize(
    ("environ", "disabled"),
    [({}, False), ({"FLOWTRAIL_DISABLED": "1"}, True), ({"FLOWTRAIL_DISABLED": "off"}, False)],
)
def test_switching_off_is_read_from_the_environment(project, environ, disabled):
    code = "from plugin_core.tracking.settings import is_disabled; print(is_disabled())"
    assert in_process(code, project, **environ) == str(disabled)


def test_files_can_switch_off_and_unreadable_ones_do_not(project):
    code = "from plugin_core.tracking.settings import is_disabled; print(is_disabled())"
    (project / "flowtrail.toml").write_text("disabled = true\n")
    assert in_process(code, project) == "True"
    (project / "flowtrail.toml").write_text("disabled = \n")
    assert in_process(code, project) == "False"


def test_reading_settings_imports_nothing_heavy(project):
    code = (
        "import sys\nfrom plugin_core.tracking.settings import current_settings, is_disabled\n"
        "current_settings(); is_disabled()\n"
        "print(sorted({'pydantic', 'pydantic_settings', 'rich', 'typer', 'sqlalchemy', 'dotenv'} & set(sys.modules)))"
    )
    assert in_process(code, project) == "[]"


def test_a_file_of_settings_that_cannot_be_read_is_named(project):
    (project / "flowtrail.toml").mkdir()

    with pytest.raises(SettingsError, match=r"flowtrail\.toml cannot be read: Is a directory"):
        read(project)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("work = 3", "must be a table of settings"),
        ("[work]\nstrict = 'perhaps'", "The setting strict has the value 'perhaps'"),
        ("[work]\nredact = [1]", "each must be text"),
        ("[work]\nblobs = 'file://host/x'", "a file URL has three slashes"),
        ("[work]\nspool_dir = ''", "The setting spool_dir has the value ''"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused_with_its_place(project, text, told):
    write_profile(project, text)

    with pytest.raises(SettingsError) as caught:
        read(project, {"profile": "work"})
    assert told in str(caught.value)
    assert "profiles.toml" in str(caught.value)


def test_a_project_that_is_no_python_project_may_have_an_unreadable_pyproject(project):
    (project / "pyproject.toml").unlink()
    (project / "pyproject.toml").mkdir()

    settings, _ = read(project)
    assert str(project) in settings.store


def test_a_process_whose_folder_was_deleted_still_has_settings(tmp_path):
    code = f"""
import os
os.mkdir({str(tmp_path / "gone")!r}); os.chdir({str(tmp_path / "gone")!r}); os.rmdir({str(tmp_path / "gone")!r})
from plugin_core.tracking.settings import current_settings
print(current_settings().store)
"""
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)

    assert (done.stderr, done.stdout.strip()) == ("", f"sqlite:///{tmp_path}/flowtrail/record.db")
