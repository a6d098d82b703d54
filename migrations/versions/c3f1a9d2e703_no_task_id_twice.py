"""SQLite gives the id of a deleted task to no other one, as PostgreSQL never did.

Ids are in URLs: with the id of the newest task used again, its old URL would show, and end, the
task of somebody else. Files need no such column, since their URLs hold an unguessable text.

The rows of ``ProcessingTask`` are copied once; rows of other tables refer to them by name.

Revision: c3f1a9d2e703, follows c3f1a9d2e701
"""

from alembic import op

revision = "c3f1a9d2e703"
down_revision = "c3f1a9d2e701"
branch_labels = None
depends_on = None


def upgrade():
    rebuild(sqlite_autoincrement=True)


def downgrade():
    rebuild(sqlite_autoincrement=False)


def rebuild(**options):
    """Make the table anew with what it has, on SQLite, which cannot change a primary key."""
    context = op.get_context()
    if context.dialect.name != "sqlite" or context.as_sql:
        return
    # Or SQLite would refuse to rename the new table as long as a view shows the old one.
    op.execute("PRAGMA legacy_alter_table=ON")
    with op.batch_alter_table("ProcessingTask", recreate="always", table_kwargs=options):
        pass
    op.execute("PRAGMA legacy_alter_table=OFF")
