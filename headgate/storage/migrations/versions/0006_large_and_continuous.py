"""Keep uploads in pieces, appended records, and which versions of datasets can still be read.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COUNTING = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("datasets") as table:
        table.add_column(sa.Column("oldest_version", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_results_job_id_id"), "results", ["job_id", "id"])
    op.create_index(op.f("ix_results_dataset_id_id"), "results", ["dataset_id", "id"])
    op.create_index(op.f("ix_results_name_id"), "results", ["name", "id"])
    op.create_table(
        "uploads",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("said", sa.String(), nullable=True),
        sa.Column("is_direct", sa.Boolean(), nullable=False),
        sa.Column("multipart_id", sa.String(), nullable=True),
        sa.Column("part_bytes", sa.BigInteger(), nullable=True),
        sa.Column("lock_token", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_uploads_file_id_files")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_expires_at"), "uploads", ["expires_at"])
    op.create_table(
        "streams",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("pipeline_id", sa.String(), nullable=True),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("sealed_job_id", sa.String(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_streams_dataset_id_datasets")),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["pipelines.id"], name=op.f("fk_streams_pipeline_id_pipelines")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_streams_job_id_jobs")),
        sa.ForeignKeyConstraint(["sealed_job_id"], ["jobs.id"], name=op.f("fk_streams_sealed_job_id_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_streams")),
    )
    op.create_index(op.f("ix_streams_dataset_id"), "streams", ["dataset_id"])
    op.create_table(
        "appends",
        sa.Column("number", COUNTING, nullable=False, autoincrement=True),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("records", sa.LargeBinary(), nullable=True),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("byte_size", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("is_keyed", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_appends_job_id_jobs")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_appends_created_by_id_users")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_appends")),
        sa.UniqueConstraint("id", name=op.f("uq_appends_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_appends_job_id_number"), "appends", ["job_id", "number"])
    op.create_index(op.f("ix_appends_created_at"), "appends", ["created_at"])
