"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Make the tables."""
    _journals(op)
    _nodes(op)
    _schema_info(op)
    _actions(op)
    _artifact_values(op)
    _artifacts(op)
    _associations(op)
    _components(op)
    _contexts(op)
    _experiments(op)
    _parameters(op)
    _properties(op)
    _series(op)
    _tags(op)
    _trial_components(op)
    _trials(op)
    _chunks(op)


def _journals(op: Operations) -> None:
    op.create_table(
        "journals",
        sa.Column("id", _ID, nullable=False),
        sa.Column("journal", sa.Text(), nullable=False),
        sa.Column("host", sa.Text()),
        sa.Column("pid", sa.BigInteger()),
        sa.Column("boot_id", sa.Text()),
        sa.Column("started", sa.Text()),
        sa.Column("watermark", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until_us", sa.BigInteger()),
        sa.Column("seen_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journals")),
        sa.UniqueConstraint("journal", name=op.f("uq_journals_journal")),
    )


def _nodes(op: Operations) -> None:
    op.create_table(
        "nodes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
        sa.UniqueConstraint("key", "kind", name=op.f("uq_nodes_key_kind")),
        sqlite_autoincrement=True,
    )


def _schema_info(op: Operations) -> None:
    op.create_table(
        "schema_info",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("min_reader", sa.Integer(), nullable=False),
        sa.Column("min_writer", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_info")),
    )


def _actions(op: Operations) -> None:
    op.create_table(
        "actions",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text()),
        sa.Column("source_uri", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("status", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("modified_us", sa.BigInteger(), nullable=False),
        sa.Column("put_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["nodes.id"], name=op.f("fk_actions_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )


def _artifact_values(op: Operations) -> None:
    op.create_table(
        "artifact_values",
        sa.Column("component_id", _ID, autoincrement=False, nullable=False),
        sa.Column("is_output", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text()),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["component_id"], ["nodes.id"], name=op.f("fk_artifact_values_component_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("component_id", "is_output", "name", name=op.f("pk_artifact_values")),
        sqlite_with_rowid=False,
    )


def _artifacts(op: Operations) -> None:
    op.create_table(
        "artifacts",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("type", sa.Text()),
        sa.Column("name", sa.Text()),
        sa.Column("source_types", sa.Text()),
        sa.Column("media_type", sa.Text()),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("blob", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("modified_us", sa.BigInteger(), nullable=False),
        sa.Column("put_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["nodes.id"], name=op.f("fk_artifacts_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
    )
    op.create_index(
        "ix_artifacts_blob",
        "artifacts",
        ["blob"],
        sqlite_where=sa.text("blob IS NOT NULL"),
    )
    op.create_index(op.f("ix_artifacts_created_us"), "artifacts", ["created_us"])
    op.create_index(op.f("ix_artifacts_type_created_us"), "artifacts", ["type", "created_us"])


def _associations(op: Operations) -> None:
    op.create_table(
        "associations",
        sa.Column("source_id", _ID, autoincrement=False, nullable=False),
        sa.Column("destination_id", _ID, autoincrement=False, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["nodes.id"], name=op.f("fk_associations_destination_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["nodes.id"], name=op.f("fk_associations_source_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source_id", "destination_id", "type", name=op.f("pk_associations")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_associations_destination", "associations", ["destination_id", "source_id", "type", "at_us"])


def _components(op: Operations) -> None:
    op.create_table(
        "components",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text()),
        sa.Column("kind", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text()),
        sa.Column("status_inferred", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("status_us", sa.BigInteger(), server_default=sa.text("-1"), nullable=False),
        sa.Column("started_us", sa.BigInteger()),
        sa.Column("ended_us", sa.BigInteger()),
        sa.Column("experiment_id", _ID),
        sa.Column("trial_id", _ID),
        sa.Column("run_name", sa.Text()),
        sa.Column("parent_id", _ID),
        sa.Column("root_id", _ID),
        sa.Column("attempt", sa.Integer()),
        sa.Column("previous_id", _ID),
        sa.Column("number", sa.BigInteger()),
        sa.Column("orchestrator", sa.Text()),
        sa.Column("execution_id", sa.Text()),
        sa.Column("step_id", sa.Text()),
        sa.Column("url", sa.Text()),
        sa.Column("owner_id", _ID),
        sa.Column("owner_us", sa.BigInteger(), server_default=sa.text("-1"), nullable=False),
        sa.Column("source_arn", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("modified_us", sa.BigInteger(), nullable=False),
        sa.Column("put_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["nodes.id"], name=op.f("fk_components_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_components")),
    )
    op.create_index(
        "ix_components_execution_id",
        "components",
        ["execution_id"],
        sqlite_where=sa.text("execution_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_components_experiment_id_created_us"), "components", ["experiment_id", "created_us"])
    op.create_index(
        "ix_components_parent_id",
        "components",
        ["parent_id"],
        sqlite_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index(
        "ix_components_root_id",
        "components",
        ["root_id"],
        sqlite_where=sa.text("root_id IS NOT NULL"),
    )
    op.create_index(
        "ix_components_run_name",
        "components",
        ["run_name"],
        sqlite_where=sa.text("run_name IS NOT NULL"),
    )
    op.create_index(
        "ix_components_source_arn",
        "components",
        ["source_arn"],
        sqlite_where=sa.text("source_arn IS NOT NULL"),
    )
    op.create_index(op.f("ix_components_status"), "components", ["status"])
    op.create_index(
        "ix_components_step_id",
        "components",
        ["step_id"],
        sqlite_where=sa.text("step_id IS NOT NULL"),
    )


def _contexts(op: Operations) -> None:
    op.create_table(
        "contexts",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text()),
        sa.Column("source_uri", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("modified_us", sa.BigInteger(), nullable=False),
        sa.Column("put_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["nodes.id"], name=op.f("fk_contexts_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contexts")),
    )


def _experiments(op: Operations) -> None:
    op.create_table(
        "experiments",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("modified_us", sa.BigInteger(), nullable=False),
        sa.Column("put_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["nodes.id"], name=op.f("fk_experiments_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
    )


def _parameters(op: Operations) -> None:
    op.create_table(
        "parameters",
        sa.Column("component_id", _ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("number", sa.Double()),
        sa.ForeignKeyConstraint(
            ["component_id"], ["nodes.id"], name=op.f("fk_parameters_component_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("component_id", "name", name=op.f("pk_parameters")),
        sqlite_with_rowid=False,
    )


def _properties(op: Operations) -> None:
    op.create_table(
        "properties",
        sa.Column("node_id", _ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_properties_node_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("node_id", "key", name=op.f("pk_properties")),
        sqlite_with_rowid=False,
    )


def _series(op: Operations) -> None:
    op.create_table(
        "series",
        sa.Column("id", _ID, nullable=False),
        sa.Column("component_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("finite", sa.BigInteger(), nullable=False),
        sa.Column("minimum", sa.Double()),
        sa.Column("maximum", sa.Double()),
        sa.Column("mean", sa.Double()),
        sa.Column("m2", sa.Double()),
        sa.Column("std_dev", sa.Double()),
        sa.Column("last", sa.Double()),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("next_ordinal", sa.Integer(), nullable=False),
        sa.Column("open_ordinal", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["component_id"], ["nodes.id"], name=op.f("fk_series_component_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("component_id", "name", name=op.f("uq_series_component_id_name")),
        sqlite_autoincrement=True,
    )


def _tags(op: Operations) -> None:
    op.create_table(
        "tags",
        sa.Column("node_id", _ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text()),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["nodes.id"], name=op.f("fk_tags_node_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("node_id", "key", name=op.f("pk_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_tags_key_value"), "tags", ["key", "value"])


def _trial_components(op: Operations) -> None:
    op.create_table(
        "trial_components",
        sa.Column("trial_id", _ID, autoincrement=False, nullable=False),
        sa.Column("component_id", _ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["component_id"], ["nodes.id"], name=op.f("fk_trial_components_component_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["nodes.id"], name=op.f("fk_trial_components_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "component_id", name=op.f("pk_trial_components")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_trial_components_component_id"), "trial_components", ["component_id"])


def _trials(op: Operations) -> None:
    op.create_table(
        "trials",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("experiment_id", _ID),
        sa.Column("display_name", sa.Text()),
        sa.Column("root_id", _ID),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("modified_us", sa.BigInteger(), nullable=False),
        sa.Column("put_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["nodes.id"], name=op.f("fk_trials_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
    )
    op.create_index(op.f("ix_trials_experiment_id"), "trials", ["experiment_id"])


def _chunks(op: Operations) -> None:
    op.create_table(
        "chunks",
        sa.Column("series_id", _ID, autoincrement=False, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("min_step", sa.BigInteger(), nullable=False),
        sa.Column("max_step", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_chunks_series_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("series_id", "ordinal", name=op.f("pk_chunks")),
    )
