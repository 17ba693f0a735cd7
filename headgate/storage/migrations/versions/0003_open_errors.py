"""Know which jobs have errors, which jobs take them up and have resolved some, and the samples that running jobs send.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("has_errors", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("resolved_by", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("resolves_id", sa.String(), nullable=True))
        table.create_foreign_key("fk_jobs_resolves_id_jobs", "jobs", ["resolves_id"], ["id"])
    op.execute("UPDATE jobs SET has_errors = (rows_rejected > 0 OR warnings > 0)")
    op.create_index(
        "ix_jobs_with_errors",
        "jobs",
        ["id"],
        postgresql_where=sa.text("has_errors"),
        sqlite_where=sa.text("has_errors = 1"),
    )
    op.create_index("ix_jobs_resolves_id", "jobs", ["resolves_id"])
    with op.batch_alter_table("job_events") as table:
        table.add_column(sa.Column("errors", sa.JSON(), nullable=True))
