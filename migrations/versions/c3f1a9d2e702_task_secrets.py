"""The secrets of tasks, encrypted.

Revision: c3f1a9d2e702, follows c3f1a9d2e703
"""

import sqlalchemy as sa
from alembic import op

revision = "c3f1a9d2e702"
down_revision = "c3f1a9d2e703"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "TaskSecret",
        sa.Column("reference", sa.String(39), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["ProcessingTask.id"],
            name="fk_TaskSecret_task_id_ProcessingTask",
        ),
        sa.PrimaryKeyConstraint("reference", "task_id", name="pk_TaskSecret"),
    )
    op.create_index("ix_TaskSecret_task_id", "TaskSecret", ["task_id"])


def downgrade():
    op.drop_index("ix_TaskSecret_task_id", "TaskSecret")
    op.drop_table("TaskSecret")
