"""What ARNs call artifacts, so that one is found by its ARN without looking through all."""

from __future__ import annotations

import hashlib
import re

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CONTENT = re.compile(r"sha256:[0-9a-f]{64}")
_AT_ONCE = 10_000
_URIS = sa.text("SELECT id, key FROM nodes WHERE kind = 'artifact' AND id > :after ORDER BY id LIMIT :at_once")
_FILL = sa.text("UPDATE artifacts SET digest = :digest WHERE id = :id")


def upgrade(op: Operations) -> None:
    """Add the column, and fill it for what is there."""
    op.add_column("artifacts", sa.Column("digest", sa.Text()))
    _fill(op.get_bind())
    op.create_index("ix_artifacts_digest", "artifacts", ["digest"], sqlite_where=sa.text("digest IS NOT NULL"))


def _fill(connection: sa.Connection) -> None:
    after = -1
    while found := connection.execute(_URIS, {"after": after, "at_once": _AT_ONCE}).all():
        rows = [
            {"id": node, "digest": hashlib.sha256(uri.encode("utf-8")).hexdigest()}
            for node, uri in found
            if not _CONTENT.fullmatch(uri)
        ]
        if rows:
            connection.execute(_FILL, rows)
        after = found[-1][0]
