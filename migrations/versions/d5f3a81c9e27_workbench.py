"""The values and inputs with which tasks were started in the workbench.

Revision: d5f3a81c9e27, follows b4e7d90a25c3
"""

import sqlalchemy as sa
from alembic import op

revision = "d5f3a81c9e27"
down_revision = "b4e7d90a25c3"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "RunValues",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("plugin", sa.String(500), nullable=False),
        sa.Column("form_data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["ProcessingTask.id"],
            name="fk_RunValues_task_id_ProcessingTask",
        ),
        sa.PrimaryKeyConstraint("task_id", name="pk_RunValues"),
    )
    op.create_table(
        "RunInput",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["ProcessingTask.id"],
            name="fk_RunInput_task_id_ProcessingTask",
        ),
        sa.PrimaryKeyConstraint("task_id", "number", name="pk_RunInput"),
    )
    op.create_index("ix_RunInput_key", "RunInput", ["key", "task_id"])


def downgrade():
    op.drop_table("RunInput")
    op.drop_table("RunValues")
