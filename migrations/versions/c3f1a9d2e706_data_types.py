"""An index that finds the files of a data type, and the data types that there are.

Revision: c3f1a9d2e706, follows c3f1a9d2e704
"""

from alembic import op

revision = "c3f1a9d2e706"
down_revision = "c3f1a9d2e704"
branch_labels = None
depends_on = None


def upgrade():
    op.create_index("ix_TaskFile_file_type", "TaskFile", ["file_type", "id"])


def downgrade():
    op.drop_index("ix_TaskFile_file_type", "TaskFile")
