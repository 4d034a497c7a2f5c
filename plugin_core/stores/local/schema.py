"""The tables. Every experiment, trial, component, artifact, action and context has its id in ``nodes``.

Tables refer to nodes, not to one another, so that a change may name what no change has described yet.
Times are integers, microseconds since the epoch; names are kept as written, ``nodes.key`` without case.
``migrations`` makes these tables; this module only describes them, and a test compares the two.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA_VERSION: Final = 6
MIN_READER: Final = 1  # the oldest flowtrail schema whose readers understand this one
MIN_WRITER: Final = 3  # the oldest flowtrail schema whose writers may write to this one: 2 writes no job slugs

# Only a column declared INTEGER is SQLite's row id.
_Id = BigInteger().with_variant(Integer(), "sqlite")
_Micros = BigInteger

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _node() -> Column[int]:
    return Column("id", _Id, ForeignKey("nodes.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)


def _owned_by(name: str, *, primary_key: bool = True, index: bool = False) -> Column[int]:
    owner = ForeignKey("nodes.id", ondelete="CASCADE")
    return Column(name, _Id, owner, nullable=False, primary_key=primary_key, autoincrement=False, index=index)


def _times() -> tuple[Column[int], ...]:
    """``put_us`` is the time of the latest Put, -1 while other changes have only named the thing."""
    return (
        Column("created_us", _Micros, nullable=False),
        Column("modified_us", _Micros, nullable=False),
        Column("put_us", _Micros, nullable=False),
    )


schema_info = Table(
    "schema_info",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("min_reader", Integer, nullable=False),
    Column("min_writer", Integer, nullable=False),
)

# AUTOINCREMENT: the id of a deleted node never comes to mean another.
nodes = Table(
    "nodes",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    UniqueConstraint("key", "kind"),
    sqlite_autoincrement=True,
)

journals = Table(
    "journals",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("journal", Text, nullable=False, unique=True),
    Column("host", Text),
    Column("pid", BigInteger),
    Column("boot_id", Text),
    Column("started", Text),
    Column("watermark", BigInteger, nullable=False, server_default=text("0")),
    Column("lease_until_us", _Micros),
    Column("seen_us", _Micros),
)

experiments = Table(
    "experiments",
    metadata,
    _node(),
    Column("name", Text, nullable=False),
    Column("display_name", Text),
    Column("description", Text),
    *_times(),
    Column("used_us", _Micros, nullable=False),
    Column("last_number", BigInteger, nullable=False, server_default=text("0")),
    Index(None, "created_us"),
)

trials = Table(
    "trials",
    metadata,
    _node(),
    Column("name", Text, nullable=False),
    Column("experiment_id", _Id, index=True),
    Column("display_name", Text),
    Column("root_id", _Id),
    *_times(),
    Index(None, "created_us"),
)

components = Table(
    "components",
    metadata,
    _node(),
    Column("name", Text, nullable=False),
    Column("display_name", Text),
    Column("kind", Text),
    Column("status", Text, nullable=False),
    Column("status_message", Text),
    Column("status_inferred", SmallInteger, nullable=False, server_default=text("0")),
    Column("status_us", _Micros, nullable=False, server_default=text("-1")),
    Column("started_us", _Micros),
    Column("ended_us", _Micros),
    Column("experiment_id", _Id),
    Column("trial_id", _Id),
    Column("run_name", Text),
    Column("parent_id", _Id),
    Column("root_id", _Id),
    Column("attempt", Integer),
    Column("previous_id", _Id),
    Column("number", BigInteger),
    Column("orchestrator", Text),
    Column("execution_id", Text),
    Column("step_id", Text),
    Column("url", Text),
    Column("owner_id", _Id),
    Column("owner_us", _Micros, nullable=False, server_default=text("-1")),
    Column("source_arn", Text),
    *_times(),
    Column("job_slug", Text),  # what it is called as a job; null where that is its name
    Index(None, "experiment_id", "created_us"),
    Index(None, "created_us"),
    Index(None, "status"),
)
for _name in ("parent_id", "root_id", "execution_id", "step_id", "run_name", "source_arn", "job_slug"):
    Index(f"ix_components_{_name}", components.c[_name], sqlite_where=components.c[_name].is_not(None))

trial_components = Table(
    "trial_components",
    metadata,
    _owned_by("trial_id"),
    _owned_by("component_id", index=True),
    Column("guest_of", _Id),  # the trial's experiment, where the component is at home in another
    sqlite_with_rowid=False,
)
Index(
    "ix_trial_components_guest_of",
    trial_components.c.guest_of,
    sqlite_where=trial_components.c.guest_of.is_not(None),
)

tags = Table(
    "tags",
    metadata,
    _owned_by("node_id"),
    Column("key", Text, primary_key=True),
    Column("value", Text),
    Column("at_us", _Micros, nullable=False),
    # A removed tag leaves its time behind, so that an older writer cannot bring it back.
    Column("removed", SmallInteger, nullable=False),
    Index(None, "key", "value"),
    sqlite_with_rowid=False,
)

# Tags of what is no node: jobs and the like, known by their ARNs alone, in lower case.
foreign_tags = Table(
    "foreign_tags",
    metadata,
    Column("arn", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text),
    sqlite_with_rowid=False,
)

# A row for each field of model.provenance that is known.
provenance = Table(
    "provenance",
    metadata,
    _owned_by("node_id"),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

properties = Table(
    "properties",
    metadata,
    _owned_by("node_id"),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

parameters = Table(
    "parameters",
    metadata,
    _owned_by("component_id"),
    Column("name", Text, primary_key=True),
    Column("at_us", _Micros, nullable=False),
    Column("text", Text, nullable=False),
    Column("number", Double),
    sqlite_with_rowid=False,
)

artifact_values = Table(
    "artifact_values",
    metadata,
    _owned_by("component_id"),
    Column("is_output", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("media_type", Text),
    Column("at_us", _Micros, nullable=False),
    sqlite_with_rowid=False,
)

# What an edit removed, and when: an older write that arrives later does not bring it back.
removals = Table(
    "removals",
    metadata,
    _owned_by("node_id"),
    Column("what", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("at_us", _Micros, nullable=False),
    sqlite_with_rowid=False,
)

# `last` is null for NaN, which SQLite cannot hold; a series has a last point from its first one on.
series = Table(
    "series",
    metadata,
    Column("id", _Id, primary_key=True),
    _owned_by("component_id", primary_key=False),
    Column("name", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("finite", BigInteger, nullable=False),
    Column("minimum", Double),
    Column("maximum", Double),
    Column("mean", Double),
    Column("m2", Double),
    Column("std_dev", Double),
    Column("last", Double),
    Column("last_step", BigInteger, nullable=False),
    Column("last_us", _Micros, nullable=False),
    Column("next_ordinal", Integer, nullable=False),
    Column("open_ordinal", Integer, nullable=False),
    UniqueConstraint("component_id", "name"),
    sqlite_autoincrement=True,
)

chunks = Table(
    "chunks",
    metadata,
    Column("series_id", _Id, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("min_step", BigInteger, nullable=False),
    Column("max_step", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    _node(),
    Column("type", Text),
    Column("name", Text),
    Column("source_types", Text),
    Column("media_type", Text),
    Column("size_bytes", BigInteger),
    Column("blob", Text),
    *_times(),
    Column("digest", Text),  # what its ARN has for a name; null for content, whose key says it
    Index(None, "type", "created_us"),
    Index(None, "created_us"),
)


for _name in ("blob", "digest"):
    Index(f"ix_artifacts_{_name}", artifacts.c[_name], sqlite_where=artifacts.c[_name].is_not(None))


def _described(name: str, *own: Column[str]) -> Table:
    return Table(
        name,
        metadata,
        _node(),
        Column("name", Text, nullable=False),
        Column("type", Text),
        Column("source_uri", Text),
        Column("description", Text),
        *own,
        *_times(),
        Index(None, "source_uri"),
        Index(None, "created_us"),
    )


actions = _described("actions", Column("status", Text))
contexts = _described("contexts")

associations = Table(
    "associations",
    metadata,
    _owned_by("source_id"),
    _owned_by("destination_id"),
    Column("type", Text, primary_key=True),
    Column("at_us", _Micros, nullable=False),
    Index("ix_associations_destination", "destination_id", "source_id", "type", "at_us"),  # answers a walk alone
    sqlite_with_rowid=False,
)

# Of a server: who may ask it. ``sealed`` can be read with the server's secret alone.
access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("role", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("label", Text),
    Column("created_us", _Micros, nullable=False),
    Column("expires_us", _Micros),
    Column("revoked_us", _Micros),
    Column("used_us", _Micros),
)

# Objects, as S3's clients have them

# In the order of its UTF-8, whatever the database's language is.
_Key = Text().with_variant(Text(collation="C"), "postgresql")

buckets = Table(
    "buckets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("created_us", _Micros, nullable=False),
    sqlite_with_rowid=False,
)


def _in_bucket(*, primary_key: bool) -> Column[str]:
    return Column(
        "bucket", Text, ForeignKey("buckets.name", ondelete="CASCADE"), nullable=False, primary_key=primary_key
    )


objects = Table(
    "objects",
    metadata,
    _in_bucket(primary_key=True),
    Column("key", _Key, primary_key=True),
    Column("digest", Text, nullable=False, index=True),  # which bytes are in use
    Column("size_bytes", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified_us", _Micros, nullable=False),
    Column("media_type", Text),
    Column("headers", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("checksums", Text, nullable=False),
    sqlite_with_rowid=False,
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    _in_bucket(primary_key=False),
    Column("key", _Key, nullable=False),
    Column("begun_us", _Micros, nullable=False),
    Column("media_type", Text),
    Column("headers", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("algorithm", Text),
    sqlite_with_rowid=False,
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("upload_id", Text, ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("etag", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("modified_us", _Micros, nullable=False),
    Column("checksums", Text, nullable=False),
    sqlite_with_rowid=False,
)
