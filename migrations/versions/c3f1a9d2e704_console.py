"""What tasks print.

Revision: c3f1a9d2e704, follows c3f1a9d2e705
"""

import sqlalchemy as sa
from alembic import op

revision = "c3f1a9d2e704"
down_revision = "c3f1a9d2e705"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "TaskConsole",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["ProcessingTask.id"],
            name="fk_TaskConsole_task_id_ProcessingTask",
        ),
        sa.PrimaryKeyConstraint("task_id", "start", name="pk_TaskConsole"),
    )


def downgrade():
    op.drop_table("TaskConsole")
