"""The tables as PostgreSQL has them: in a schema of their own, and with what the migrations leave to it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from plugin_core.errors import StoreError

_HAS_SCHEMA: Final = text("SELECT 1 FROM pg_namespace WHERE nspname = :schema")
_HAS_TABLES: Final = text("SELECT to_regclass(:table) IS NOT NULL")
_CURRENT: Final = text("SELECT current_schema()")
_IN_OTHER_ORDER: Final = text(
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = :schema AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
)
_ABOUT: Final = text(
    "SELECT split_part(current_setting('server_version'), ' ', 1), "
    "(SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = :schema AND c.relkind = 'r')"
)

_HAS_INDEX: Final = text("SELECT 1 FROM pg_indexes WHERE schemaname = :schema AND indexname = :name")

# An entry of a B-tree holds 2.7 kB at most: these texts may be longer. By new name: what goes, and what comes.
_INDEXES: Final[dict[str, tuple[str, tuple[str, str]]]] = {
    "ix_nodes_key_hashes": (
        "ALTER TABLE nodes DROP CONSTRAINT uq_nodes_key_kind",
        ("UNIQUE INDEX", "nodes (hashtextextended(key, 0), hashtextextended(key, 1), kind)"),
    ),
    "ix_nodes_key": ("SELECT 1", ("INDEX", "nodes USING spgist (key)")),  # for prefixes as well
    "ix_tags_value": ("DROP INDEX ix_tags_key_value", ("INDEX", "tags USING hash (value)")),
    "ix_actions_source": ("DROP INDEX ix_actions_source_uri", ("INDEX", "actions USING hash (source_uri)")),
    "ix_contexts_source": ("DROP INDEX ix_contexts_source_uri", ("INDEX", "contexts USING hash (source_uri)")),
}


def make_schema(connection: Connection, schema: str) -> None:
    """Make the schema if need be. A role that may not is in order, as long as somebody else made it."""
    with connection.begin():
        if connection.execute(_HAS_SCHEMA, {"schema": schema}).first() is None:
            connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
        if connection.execute(_CURRENT).scalar() != schema:
            raise StoreError(
                f"The database does not use the schema {schema} that it was told to.",
                hint="Connect to the server itself, or through a pooler that passes options on.",
            )


def has_tables(connection: Connection, schema: str) -> bool:
    """Whether there is a record, of whatever version."""
    return bool(connection.execute(_HAS_TABLES, {"table": f'"{schema}".schema_info'}).scalar())


def settle(connection: Connection, schema: str) -> None:
    """What all migrations leave to this database; what was done before is left as it is."""
    _compare_by_bytes(connection, schema)
    for name, (old, new) in _INDEXES.items():
        if connection.execute(_HAS_INDEX, {"schema": schema, "name": name}).first() is None:
            connection.exec_driver_sql(old)
            connection.exec_driver_sql(f"CREATE {new[0]} {name} ON {new[1]}")


def _compare_by_bytes(connection: Connection, schema: str) -> None:
    """Have texts compared by their bytes, as SQLite does, whatever the database's language."""
    found: dict[str, list[str]] = {}
    for table, column in connection.execute(_IN_OTHER_ORDER, {"schema": schema}):
        found.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE text COLLATE "C"')
    for table, changes in found.items():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" {", ".join(changes)}')


def about(connection: Connection, schema: str) -> str:
    """The version of the server, and the size of the tables."""
    version, size = connection.execute(_ABOUT, {"schema": schema}).one()
    return f"PostgreSQL {version}, {int(size) / 1e6:.1f} MB"
