"""The HTTP request that a webhook is called for.

Revision: c3f1a9d2e707, follows c3f1a9d2e706
"""

import sqlalchemy as sa
from alembic import op

revision = "c3f1a9d2e707"
down_revision = "c3f1a9d2e706"
branch_labels = None
depends_on = None


def upgrade():
    # Without a default: neither database writes the rows that there are.
    op.add_column(
        "WebhookDelivery", sa.Column("request_id", sa.String(128), nullable=True)
    )


def downgrade():
    op.drop_column("WebhookDelivery", "request_id")
