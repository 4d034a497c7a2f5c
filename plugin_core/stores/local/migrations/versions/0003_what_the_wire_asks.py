"""What SageMaker's clients ask for: components as jobs, guests of trials, provenance, tags of foreign ARNs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

from plugin_core.model.names import job_slug

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT_ONCE = 10_000
_NAMES = sa.text("SELECT id, key FROM nodes WHERE kind = 'component' AND id > :after ORDER BY id LIMIT :at_once")
_FILL = sa.text("UPDATE components SET job_slug = :slug WHERE id = :id")


def upgrade(op: Operations) -> None:
    """Add columns, tables and indexes, and fill in what old components are called as jobs."""
    op.add_column("components", sa.Column("job_slug", sa.Text()))
    op.add_column("trial_components", sa.Column("guest_of", _ID))
    _fill(op.get_bind())
    _partial_index(op, "components", "job_slug")
    _partial_index(op, "trial_components", "guest_of")
    for table in ("experiments", "trials", "components", "actions", "contexts"):
        op.create_index(f"ix_{table}_created_us", table, ["created_us"])
    for table in ("actions", "contexts"):
        op.create_index(f"ix_{table}_source_uri", table, ["source_uri"])
    _foreign_tags(op)
    _provenance(op)


def _partial_index(op: Operations, table: str, column: str) -> None:
    op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=sa.text(f"{column} IS NOT NULL"))


def _foreign_tags(op: Operations) -> None:
    op.create_table(
        "foreign_tags",
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text()),
        sa.PrimaryKeyConstraint("arn", "key", name=op.f("pk_foreign_tags")),
        sqlite_with_rowid=False,
    )


def _provenance(op: Operations) -> None:
    op.create_table(
        "provenance",
        sa.Column("node_id", _ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_provenance_node_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("node_id", "key", name=op.f("pk_provenance")),
        sqlite_with_rowid=False,
    )


def _fill(connection: sa.Connection) -> None:
    after = -1
    while found := connection.execute(_NAMES, {"after": after, "at_once": _AT_ONCE}).all():
        rows = [{"id": node, "slug": slug} for node, name in found if (slug := job_slug(name)) != name]
        if rows:
            connection.execute(_FILL, rows)
        after = found[-1][0]
