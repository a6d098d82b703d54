"""Who started a task, so that the tasks of each client can be limited.

Revision: c3f1a9d2e705, follows c3f1a9d2e702
"""

import sqlalchemy as sa
from alembic import op

revision = "c3f1a9d2e705"
down_revision = "c3f1a9d2e702"
branch_labels = None
depends_on = None

INDEX = "ix_ProcessingTask_client"


def upgrade():
    op.add_column("ProcessingTask", sa.Column("client", sa.String(32), nullable=True))
    where = sa.text("finished_at IS NULL")
    op.create_index(
        INDEX, "ProcessingTask", ["client"], sqlite_where=where, postgresql_where=where
    )


def downgrade():
    op.drop_index(INDEX, "ProcessingTask")
    op.drop_column("ProcessingTask", "client")
