"""Size and digest of the files of tasks.

Revision: 8d2b41c7e6f0, follows 3c1f0a6d52b9
"""

import sqlalchemy as sa
from alembic import op

revision = "8d2b41c7e6f0"
down_revision = "3c1f0a6d52b9"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("TaskFile", sa.Column("size", sa.BigInteger(), nullable=True))
    op.add_column("TaskFile", sa.Column("sha256", sa.String(64), nullable=True))


def downgrade():
    with op.batch_alter_table("TaskFile") as table:
        table.drop_column("sha256")
        table.drop_column("size")
