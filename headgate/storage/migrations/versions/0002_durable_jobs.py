"""Let jobs be ranked, retried, cancelled and grouped; number events over all jobs; know workers and keys.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COUNTING = sa.BigInteger().with_variant(sa.Integer, "sqlite")
EVENT = "job_id, seq, type, at, status, progress, message"


def upgrade() -> None:
    _extend_jobs()
    _number_events()
    _create_tables()


def _extend_jobs() -> None:
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("parent_id", sa.String(), nullable=True))
        table.add_column(sa.Column("position", sa.Integer(), nullable=True))
        table.add_column(sa.Column("retry_of_id", sa.String(), nullable=True))
        table.add_column(sa.Column("cancel", sa.String(32), nullable=True))
        table.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("crashes", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("rank_at", sa.DateTime(timezone=True), nullable=True))
        table.create_foreign_key(op.f("fk_jobs_parent_id_jobs"), "jobs", ["parent_id"], ["id"])
        table.create_foreign_key(op.f("fk_jobs_retry_of_id_jobs"), "jobs", ["retry_of_id"], ["id"])
    op.execute("UPDATE jobs SET due_at = created_at, rank_at = created_at")
    with op.batch_alter_table("jobs") as table:
        table.alter_column("failures", server_default=None)
        table.alter_column("crashes", server_default=None)
        table.alter_column("due_at", nullable=False)
        table.alter_column("rank_at", nullable=False)
    op.drop_index(op.f("ix_jobs_status_created_at"), "jobs")
    op.create_index(op.f("ix_jobs_status_rank_at"), "jobs", ["status", "rank_at"])
    op.create_index(op.f("ix_jobs_rank_at_id"), "jobs", ["rank_at", "id"])
    op.create_index(op.f("ix_jobs_parent_id_position"), "jobs", ["parent_id", "position"])
    op.create_index(op.f("ix_jobs_retry_of_id_id"), "jobs", ["retry_of_id", "id"])


def _number_events() -> None:
    op.execute(f"CREATE TABLE old_job_events AS SELECT {EVENT} FROM job_events")  # noqa: S608
    op.drop_table("job_events")
    op.create_table(
        "job_events",
        sa.Column("number", COUNTING, nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(32), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_events_job_id_jobs")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_job_events")),
        sa.UniqueConstraint("job_id", "seq", name=op.f("uq_job_events_job_id_seq")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_job_events_job_id_number"), "job_events", ["job_id", "number"])
    events = f"INSERT INTO job_events ({EVENT}) SELECT {EVENT} FROM old_job_events ORDER BY at, seq"  # noqa: S608
    op.execute(events)
    op.drop_table("old_job_events")


def _create_tables() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_idempotency_keys_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("running_jobs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "turns",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_turns")),
    )
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.bulk_insert(counters, [{"name": name, "value": 0} for name in ("lease_takeovers", "wake_ups_lost")])
