"""Alembic's entry: runs the versions on the connection, and in the transaction, of ``migrate``."""

from __future__ import annotations

from alembic import context

from plugin_core.stores.local.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
