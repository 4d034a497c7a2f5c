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
