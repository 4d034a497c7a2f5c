"""What is PostgreSQL's own: who waits for whom, what its errors become, roles, restarts, a schema of our own."""

import signal
import sys
import traceback
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from kit.postgres import PASSWORD, PASSWORD_IN_URL, Postgres

from plugin_core.errors import (
    FlowtrailError,
    InvalidValueError,
    SettingsError,
    StoreReadOnlyError,
    StoreUnavailableError,
    StoreVersionError,
)
from plugin_core.model.edits import AddToTrial, UpdateComponent, UpdateExperiment
from plugin_core.stores import open_store
from plugin_core.stores.local import LocalStore
from plugin_core.stores.local.schema import metadata
from plugin_core.testing.contract.making import artifact, component, experiment, names, trial


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture
def url(postgres: Postgres, database: str) -> str:
    return postgres.url(database)


@pytest.fixture
def store(url: str) -> Iterator[LocalStore]:
    opened = LocalStore(url, lock_timeout_s=0.2)
    yield opened
    opened.close()


def shown(caught: pytest.ExceptionInfo[FlowtrailError]) -> str:
    """All that a log would hold of an error."""
    return "".join(traceback.format_exception(caught.value)) + repr(caught.value) + str(caught.value.__dict__)


# Tables


def test_the_migrations_make_the_tables_of_the_schema(store: LocalStore) -> None:
    with store._connections.read() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        differences = compare_metadata(context, metadata)
    # Texts that are too long for a B-tree are found otherwise here.
    assert {str(change[1].name) for change in differences} == {
        "uq_nodes_key_kind", "ix_nodes_key", "ix_tags_key_value", "ix_tags_value", "ix_actions_source_uri",
        "ix_actions_source", "ix_contexts_source_uri", "ix_contexts_source", "ix_nodes_key_hashes",
    }  # fmt: skip


def test_the_tables_lie_in_a_schema_of_their_own(postgres: Postgres, store: LocalStore, database: str) -> None:
    tables = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('nodes', 'alembic_version')"
    assert postgres.ask(tables, database=database) == [("flowtrail",)]


def test_two_schemas_of_one_database_are_two_stores(postgres: Postgres, store: LocalStore, database: str) -> None:
    other = open_store(postgres.url(database, schema="team_b"))
    other.write([component("theirs")])
    store.write([component("ours")])

    assert (names(store), names(other)) == (["ours"], ["theirs"])
    other.close()


def test_texts_compare_by_their_bytes_whatever_the_databases_language(
    postgres: Postgres, store: LocalStore, database: str
) -> None:
    columns = "SELECT collation_name, count(*) FROM information_schema.columns WHERE table_schema = 'flowtrail'"
    found = dict(postgres.ask(f"{columns} AND data_type = 'text' GROUP BY 1", database=database))
    assert found.keys() == {"C"}
    assert found["C"] > 30


def test_a_store_of_a_newer_flowtrail_is_left_alone(postgres: Postgres, store: LocalStore, database: str) -> None:
    postgres.ask("UPDATE flowtrail.schema_info SET version = 99, min_writer = 99", database=database)
    with pytest.raises(StoreVersionError):
        store.write([component("c")])
    assert names(store) == []


def test_a_database_without_a_record_is_not_made_one_by_a_reader(url: str) -> None:
    with pytest.raises(StoreUnavailableError, match="There is no record"):
        open_store(url, read_only=True)


def test_tables_that_are_gone_are_made_again(postgres: Postgres, store: LocalStore, database: str) -> None:
    store.write([component("before")])
    postgres.ask("DROP SCHEMA flowtrail CASCADE", database=database)
    with pytest.raises(StoreUnavailableError):
        store.write([component("c")])

    store.write([component("after")])
    assert names(store) == ["after"]


@pytest.mark.parametrize("length", [3_000, 100_000])
def test_a_uri_a_name_and_a_tag_may_be_longer_than_an_index_takes(store: LocalStore, length: int) -> None:
    long = "".join(chr(0x4E00 + (i * i * 7919) % 20_000) for i in range(length))
    store.write([artifact(f"s3://{long}", tags={"note": long}), artifact(f"s3://{long}!"), component(long)])
    store.write([artifact(f"s3://{long}", at=2)])

    assert store.artifact(f"s3://{long}").tags == {"note": long}
    assert store.counts()["artifacts"] == 2
    assert store.component(long).name == long


# Writers at once


def test_who_writes_about_something_else_does_not_wait(store: LocalStore) -> None:
    with store._connections.write(["component/a"]):
        store.write([component("b", of=None)])
    assert names(store) == ["b"]


def test_who_writes_about_the_same_waits_and_is_told_if_it_takes_too_long(store: LocalStore) -> None:
    with store._connections.write(["component/a"]), pytest.raises(StoreUnavailableError, match="is locked"):
        store.write([component("A", of=None)])
    store.write([component("A", of=None)])
    assert names(store) == ["A"]


def test_an_edit_of_one_thing_waits_for_who_writes_about_that(store: LocalStore) -> None:
    store.write([experiment("search"), component("A", of=None)])
    with store._connections.write(["component/a"]):
        store.write([UpdateExperiment(at=2, name="search", description="better")])
        with pytest.raises(StoreUnavailableError, match="is locked"):
            store.write([UpdateComponent(at=2, name="A")])
    assert store.experiment("search").description == "better"


def test_an_edit_of_what_belongs_together_waits_for_all_and_all_for_it(store: LocalStore) -> None:
    store.write([experiment("search"), trial("t", of="search"), component("b", of=None)])
    with store._connections.write(["component/a"]), pytest.raises(StoreUnavailableError, match="is locked"):
        store.write([AddToTrial(at=2, component="b", trial="t")])
    with store._connections.write(), pytest.raises(StoreUnavailableError, match="is locked"):
        store.write([component("b", of=None)])


def test_a_reader_waits_for_nobody(store: LocalStore) -> None:
    store.write([component("a")])
    with store._connections.write():
        assert names(store) == ["a"]


# Errors


def test_a_wrong_password_is_said_and_not_shown(postgres: Postgres, database: str) -> None:
    wrong = PASSWORD_IN_URL[::-1].replace("%", "")
    with pytest.raises(StoreUnavailableError, match="lets nobody in") as caught:
        open_store(postgres.url_with_password(database, password=wrong))
    assert wrong not in shown(caught)


def test_the_password_of_a_store_is_shown_nowhere(postgres: Postgres, database: str) -> None:
    store = open_store(postgres.url_with_password(database))
    with pytest.raises(InvalidValueError) as caught:
        store.write([artifact("s3://odd", size_bytes=2**64)])
    said = shown(caught) + repr(store) + repr(vars(store)["_connections"]) + repr(vars(store._connections))
    store.close()

    assert PASSWORD not in said
    assert PASSWORD_IN_URL not in said


def test_a_database_that_does_not_exist_is_said_with_what_to_do(postgres: Postgres) -> None:
    with pytest.raises(StoreUnavailableError, match="createdb"):
        open_store(postgres.url("nobody_made_it"))


def test_a_server_that_does_not_run_is_unavailable() -> None:
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        open_store("postgresql://me:secret@127.0.0.1:1/record")


def test_without_the_driver_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "plugin_core.stores.local.server", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"flowtrail\[postgres\]"):
        open_store("postgresql://db.example/record")


# Restarts


def test_a_store_goes_on_after_the_server_was_restarted(postgres: Postgres, store: LocalStore) -> None:
    for how in (signal.SIGINT, signal.SIGQUIT):
        store.write([component(f"before {how.name}")])
        postgres.stop(how=how)
        with pytest.raises(StoreUnavailableError):
            store.write([component("lost")])
        with pytest.raises(StoreUnavailableError):
            names(store)
        postgres.start()
        store.write([component(f"after {how.name}")])

    assert set(names(store)) == {"before SIGINT", "after SIGINT", "before SIGQUIT", "after SIGQUIT"}


def test_a_transaction_whose_connection_breaks_leaves_nothing(
    postgres: Postgres, store: LocalStore, database: str
) -> None:
    def half() -> None:
        with store._connections.write() as connection:
            connection.exec_driver_sql("INSERT INTO nodes (kind, key) VALUES ('component', 'half')")
            postgres.ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")

    with pytest.raises(StoreUnavailableError):
        half()
    assert postgres.ask("SELECT count(*) FROM flowtrail.nodes", database=database) == [(0,)]
    store.write([component("c")])
    assert names(store) == ["c"]


# Roles

_MAY_WRITE = """
GRANT USAGE ON SCHEMA flowtrail TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA flowtrail TO {role};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA flowtrail TO {role}
"""
_MAY_READ = "GRANT USAGE ON SCHEMA flowtrail TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA flowtrail TO {role}"


@pytest.fixture
def role(postgres: Postgres, database: str) -> Iterator[str]:
    postgres.ask(f"CREATE ROLE someone LOGIN PASSWORD '{PASSWORD}'")
    yield "someone"
    postgres.ask("DROP OWNED BY someone", database=database)
    postgres.ask("DROP ROLE someone")


def test_a_role_with_the_documented_rights_writes_and_reads(
    postgres: Postgres, store: LocalStore, database: str, role: str
) -> None:
    postgres.ask(_MAY_WRITE.format(role=role), database=database)
    theirs = open_store(postgres.url_with_password(database, user=role))
    theirs.write([component("theirs")])
    theirs.delete(theirs.find_nodes("theirs")[0])
    theirs.close()
    assert names(store) == []


def test_a_role_that_may_only_read_reads_and_is_told_why_it_cannot_write(
    postgres: Postgres, store: LocalStore, database: str, role: str
) -> None:
    store.write([component("ours")])
    postgres.ask(_MAY_READ.format(role=role), database=database)
    theirs = open_store(postgres.url_with_password(database, user=role))
    assert names(theirs) == ["ours"]
    with pytest.raises(StoreReadOnlyError, match="permission denied"):
        theirs.write([component("theirs")])
    theirs.close()


def test_a_role_that_may_not_make_the_tables_is_told_so(postgres: Postgres, database: str, role: str) -> None:
    with pytest.raises(StoreReadOnlyError, match="permission denied"):
        open_store(postgres.url_with_password(database, user=role))


def test_a_role_makes_the_tables_in_a_schema_of_its_own(postgres: Postgres, database: str, role: str) -> None:
    postgres.ask(f"CREATE SCHEMA flowtrail AUTHORIZATION {role}", database=database)
    theirs = open_store(postgres.url_with_password(database, user=role))
    theirs.write([component("theirs")])
    assert names(theirs) == ["theirs"]
    theirs.close()


def test_a_store_opened_for_reading_is_not_written(store: LocalStore, url: str) -> None:
    reader = open_store(url, read_only=True)
    with pytest.raises(StoreReadOnlyError):
        reader.write([component("c")])
    reader.close()
