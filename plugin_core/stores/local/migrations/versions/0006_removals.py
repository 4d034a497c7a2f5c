"""What edits removed, so that older writes do not bring it back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade(op: Operations) -> None:
    """Add the table."""
    op.create_table(
        "removals",
        sa.Column("node_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_removals_node_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("node_id", "what", "name", name=op.f("pk_removals")),
        sqlite_with_rowid=False,
    )
