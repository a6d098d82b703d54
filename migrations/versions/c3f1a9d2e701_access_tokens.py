"""The access tokens that were issued.

Revision: c3f1a9d2e701, follows d5f3a81c9e27
"""

import sqlalchemy as sa
from alembic import op

revision = "c3f1a9d2e701"
down_revision = "d5f3a81c9e27"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "AccessToken",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_AccessToken"),
    )


def downgrade():
    op.drop_table("AccessToken")
