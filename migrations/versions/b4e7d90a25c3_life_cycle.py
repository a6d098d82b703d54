"""Life cycle of tasks: state, times and attempts, the log by entries, webhook deliveries, leases.

Revision: b4e7d90a25c3, follows 8d2b41c7e6f0
"""

import sqlalchemy as sa
from alembic import op

revision = "b4e7d90a25c3"
down_revision = "8d2b41c7e6f0"
branch_labels = None
depends_on = None

TIMESTAMP = sa.TIMESTAMP(timezone=True)

NEW_COLUMNS = (
    ("state", sa.String(16)),
    ("plugin", sa.String(500)),
    ("began_at", TIMESTAMP),
    ("attempt", sa.Integer()),
)

PARTIAL_INDEXES = (
    (
        "ix_ProcessingTask_unknown",
        "ProcessingTask",
        ["task_status", "id"],
        "finished_at IS NOT NULL AND coalesce(task_status, '') = ''",
    ),
    ("ix_TaskFile_temporary", "TaskFile", ["id"], "file_type = 'temp-file'"),
)


def upgrade():
    for name, type_ in NEW_COLUMNS:
        op.add_column("ProcessingTask", sa.Column(name, type_, nullable=True))
    op.add_column("TaskFile", sa.Column("message", sa.String(32), nullable=True))
    task = sa.table(
        "ProcessingTask",
        sa.column("state"),
        sa.column("finished_at"),
        sa.column("task_status"),
    )
    ended = task.c.finished_at.is_not(None)
    op.execute(
        task.update().values(
            # What of an open task was under way is not known: it counts as waiting.
            state=sa.case(
                (sa.not_(ended), "waiting"),
                (task.c.task_status == "SUCCESS", "succeeded"),
                else_="failed",
            )
        )
    )
    op.create_index("ix_ProcessingTask_state", "ProcessingTask", ["state", "id"])
    op.create_index("ix_ProcessingTask_plugin", "ProcessingTask", ["plugin", "id"])
    op.create_index("ix_ProcessingTask_finished_at", "ProcessingTask", ["finished_at"])
    op.create_index(
        "ix_ProcessingTask_started_at", "ProcessingTask", ["started_at", "id"]
    )
    for name, table, columns, condition in PARTIAL_INDEXES:
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "TaskLogEntry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["ProcessingTask.id"],
            name="fk_TaskLogEntry_task_id_ProcessingTask",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_TaskLogEntry"),
    )
    op.create_index("ix_TaskLogEntry_task_id", "TaskLogEntry", ["task_id", "id"])
    op.create_table(
        "WebhookDelivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("webhook_href", sa.String(500), nullable=False),
        sa.Column("task_href", sa.String(500), nullable=False),
        sa.Column("event_type", sa.String(64), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("due_at", TIMESTAMP, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_attempt_at", TIMESTAMP, nullable=True),
        sa.Column("last_answer", sa.String(500), nullable=True),
        sa.Column("delivered_at", TIMESTAMP, nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["ProcessingTask.id"],
            name="fk_WebhookDelivery_task_id_ProcessingTask",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_WebhookDelivery"),
    )
    op.create_index(
        "ix_WebhookDelivery_task_id", "WebhookDelivery", ["task_id", "webhook_href"]
    )
    op.create_index("ix_WebhookDelivery_due_at", "WebhookDelivery", ["due_at"])
    op.create_table(
        "RemovedFile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("storage_provider", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(500), nullable=False),
        sa.Column("file_storage_data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_RemovedFile"),
    )
    op.create_table(
        "MaintenanceLease",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("expires_at", TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_MaintenanceLease"),
    )


def downgrade():
    # What the log's entries hold would be lost otherwise.
    connection = op.get_bind()
    entries = connection.execute(
        sa.text('SELECT task_id, text FROM "TaskLogEntry" ORDER BY id')
    ).all()
    for task_id, text in entries:
        connection.execute(
            sa.text(
                'UPDATE "ProcessingTask" SET task_log = CASE WHEN length(task_log) = 0 '
                "THEN :text ELSE task_log || :line_end || :text END WHERE id = :id"
            ),
            {"text": text, "id": task_id, "line_end": "\n"},
        )
    op.drop_table("MaintenanceLease")
    op.drop_table("RemovedFile")
    op.drop_table("WebhookDelivery")
    op.drop_table("TaskLogEntry")
    for name, table, *_ in PARTIAL_INDEXES:
        op.drop_index(name, table)
    for index in ("started_at", "finished_at", "plugin", "state"):
        op.drop_index(f"ix_ProcessingTask_{index}", "ProcessingTask")
    op.drop_column("TaskFile", "message")
    with op.batch_alter_table("ProcessingTask") as table:
        for name, _type in reversed(NEW_COLUMNS):
            table.drop_column(name)
