"""Migrations: the tables are those of the schema, made once, with a backup of what was there."""

import logging
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import context as alembic_context
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from plugin_core.errors import NotFoundError, StoreUnavailableError, StoreVersionError
from plugin_core.model import arns
from plugin_core.model.names import job_slug
from plugin_core.model.provenance import Provenance
from plugin_core.model.queries import ComponentQuery, ComponentSearch, Direction, LineageQuery
from plugin_core.stores.local import LocalStore
from plugin_core.stores.local.schema import metadata
from plugin_core.testing.contract.making import component, names, of_artifact

DATA = Path(__file__).parents[2] / "data" / "stores"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


def opened(path: Path, **options) -> LocalStore:
    return LocalStore(f"sqlite:///{path}", **options)


def test_the_migrations_make_the_tables_of_the_schema(path: Path) -> None:
    store = opened(path)
    with store._connections.read() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        assert compare_metadata(context, metadata) == []
        made = {(row[0], row[1]) for row in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master")}
    store.close()

    without_rowid = {name for name, sql in made if sql and sql.rstrip().endswith("WITHOUT ROWID")}
    declared = {
        table.name for table in metadata.sorted_tables if not table.dialect_kwargs.get("sqlite_with_rowid", True)
    }
    assert without_rowid == declared


def test_a_migration_of_somebody_else_in_this_process_is_left_alone(path: Path, tmp_path: Path) -> None:
    theirs = EnvironmentContext(Config(), ScriptDirectory(str(tmp_path)))
    with theirs:  # what Dagster's and MLflow's own stores do, in another thread than the drain's
        opened(path).close()
        assert alembic_context.script is theirs.script


def test_an_older_file_is_migrated_and_kept_aside(path: Path) -> None:
    store = opened(path)
    store.write([component("c")])
    store.close()
    with sqlite3.connect(path) as older:
        older.execute("UPDATE schema_info SET version = 0")
    older.close()

    migrated = opened(path)
    assert names(migrated) == ["c"]
    migrated.close()
    backup = sqlite3.connect(path.with_name("backup-0-record.db"))
    assert backup.execute("SELECT version FROM schema_info").fetchone() == (0,)
    assert backup.execute("SELECT name FROM components").fetchone() == ("c",)
    backup.close()


@pytest.fixture
def first(path: Path) -> Path:
    """A file as the first schema's flowtrail left it."""
    with sqlite3.connect(path) as older:
        older.executescript((DATA / "schema-1.sql").read_text("utf-8"))
    older.close()
    return path


@pytest.mark.parametrize("read_only", [False, True])
def test_artifacts_of_a_file_of_the_first_schema_are_found_by_their_arns(first: Path, read_only: bool) -> None:
    store = opened(first, read_only=read_only)
    artifacts = store.artifacts()
    assert {artifact.source_uri for artifact in artifacts} > {"s3://raw", "s3://only named/é", f"sha256:{'ab' * 32}"}

    for artifact in artifacts:
        assert store.artifact_by_digest(arns.artifact_digest(artifact.source_uri)) == artifact
    with pytest.raises(NotFoundError):
        store.artifact_by_digest("cd" * 32)
    store.close()


def test_a_file_of_the_first_schema_becomes_one_of_this_schema(first: Path) -> None:
    store = opened(first)
    store.write([component("c")])
    with store._connections.read() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        assert compare_metadata(context, metadata) == []
    found = store.lineage(of_artifact("s3://raw"), LineageQuery(direction=Direction.DESCENDANTS))
    assert [vertex.name for vertex in found.vertices] == ["cleaning", "clean", "training", "model"]
    store.close()
    assert first.with_name("backup-1-record.db").exists()


LONG = "long-" * 20 + "name"


@pytest.mark.parametrize("read_only", [False, True])
def test_components_of_a_file_of_the_first_schema_have_names_as_jobs(first: Path, read_only: bool) -> None:
    with sqlite3.connect(first) as older:
        (node,) = older.execute("SELECT max(id) + 1 FROM nodes").fetchone()
        older.execute("INSERT INTO nodes (id, kind, key) VALUES (?, 'component', ?)", (node, LONG))
        copied = "INSERT INTO components (id, name, status, created_us, modified_us, put_us) VALUES (?, ?, ?, 1, 1, 1)"
        older.execute(copied, (node, LONG.title(), "created"))
    older.close()

    store = opened(first, read_only=read_only)
    assert store.component_of_job(job_slug(LONG)).name == LONG.title()
    assert store.component_of_job("TRAINING").provenance == Provenance()
    with pytest.raises(NotFoundError):
        store.component_of_job("absent")
    store.close()


def test_an_older_file_for_reading_says_that_it_cannot_be_searched(first: Path) -> None:
    store = opened(first, read_only=True)
    for ask in (
        lambda: store.search(ComponentSearch()),
        lambda: store.page(ComponentQuery()),
        lambda: store.arn_tags("arn:x"),
    ):
        with pytest.raises(StoreVersionError, match="older flowtrail"):
            ask()
    assert [found.name for found in store.components(ComponentQuery(experiment="absent"))] == []
    store.close()

    writer = opened(first)
    assert writer.search(ComponentSearch()).total == len(writer.page(ComponentQuery()).items) == 2
    writer.close()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT id FROM artifacts WHERE digest = 'ab'", "ix_artifacts_digest"),
        ("SELECT id FROM components WHERE job_slug = 'ab'", "ix_components_job_slug"),
        ("SELECT component_id FROM trial_components WHERE guest_of = 1", "ix_trial_components_guest_of"),
        ("SELECT id FROM actions WHERE source_uri = 's3://'", "ix_actions_source_uri"),
        *(
            (f"SELECT id FROM {table} WHERE created_us < 9 ORDER BY created_us DESC, id DESC LIMIT 3", "created_us")
            for table in ("experiments", "trials", "components", "artifacts", "actions", "contexts")
        ),
    ],
)
def test_what_the_wire_asks_is_looked_up_in_an_index(path: Path, query: str, index: str) -> None:
    store = opened(path)
    with store._connections.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    store.close()

    assert index in plan[0][3]
    assert not any("TEMP B-TREE" in row[3] for row in plan)


def test_an_older_file_is_not_migrated_by_a_reader(path: Path) -> None:
    opened(path).close()
    with sqlite3.connect(path) as older:
        older.execute("UPDATE schema_info SET version = 0")
    older.close()

    reader = opened(path, read_only=True)
    assert names(reader) == []
    reader.close()
    assert not path.with_name("backup-0-record.db").exists()


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    with sqlite3.connect(path) as broken:
        broken.execute("CREATE TABLE components (mine TEXT)")
    broken.close()

    with pytest.raises(Exception, match="components"):
        opened(path)
    check = sqlite3.connect(path)
    assert [row[0] for row in check.execute("SELECT name FROM sqlite_master")] == ["components"]
    check.close()


def test_a_migration_says_nothing_in_the_users_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        opened(path).close()

    assert [record for record in caplog.records if record.name.startswith("alembic")] == []


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreUnavailableError):
        opened(path, read_only=True)
    store = opened(path)
    store.write([component("c")])
    assert names(store) == ["c"]
    store.close()


def imported(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_alembic_is_imported_only_to_migrate(path: Path) -> None:
    opening = f"from plugin_core.stores import open_store\nopen_store('sqlite:///{path}').close()"

    assert "alembic" in imported(opening)
    assert "alembic" not in imported(opening)


def test_the_seams_cost_no_database(path: Path) -> None:
    heavy = {"sqlalchemy", "alembic", "sqlite3", "numpy", "pandas"}

    assert not heavy & imported("import plugin_core.stores.protocol, plugin_core.stores")
    assert not heavy & imported("from plugin_core.stores import open_blobs\nopen_blobs('file:///tmp')")
    assert "psycopg" not in imported(
        f"from plugin_core.stores import open_store\nopen_store('sqlite:///{path}').close()"
    )
