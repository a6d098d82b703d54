"""Indexes that find the files, links and subscriptions of a task without reading all of them.

Revision: 3c1f0a6d52b9, follows ff55b6ebbbd7
"""

from alembic import op

revision = "3c1f0a6d52b9"
down_revision = "ff55b6ebbbd7"
branch_labels = None
depends_on = None

TABLES = ("TaskFile", "TaskLink", "TaskUpdateSubscription")


def upgrade():
    for table in TABLES:
        op.create_index(f"ix_{table}_task_id", table, ["task_id"])


def downgrade():
    for table in TABLES:
        op.drop_index(f"ix_{table}_task_id", table)
