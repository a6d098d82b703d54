"""The tables of the original runner at its last migration.

Revision: ff55b6ebbbd7, the first
"""

import sqlalchemy as sa
from alembic import op

revision = "ff55b6ebbbd7"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "ProcessingTask",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_name", sa.String(500)),
        sa.Column("started_at", sa.TIMESTAMP(timezone=True)),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True)),
        sa.Column("parameters", sa.Text()),
        sa.Column("data", sa.JSON()),
        sa.Column("multi_step", sa.Boolean()),
        sa.Column("current_step", sa.Integer()),
        sa.Column("progress_value", sa.Float()),
        sa.Column("progress_start", sa.Float()),
        sa.Column("progress_target", sa.Float()),
        sa.Column("progress_unit", sa.String(100)),
        sa.Column("task_status", sa.String(100)),
        sa.Column("task_log", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ProcessingTask"),
    )
    op.create_table(
        "Step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.String(500)),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("href", sa.String(500)),
        sa.Column("ui_href", sa.String(500)),
        sa.Column("cleared", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", "number", name="pk_Step"),
        sa.ForeignKeyConstraint(
            ["id"], ["ProcessingTask.id"], name="fk_Step_id_ProcessingTask"
        ),
    )
    op.create_table(
        "TaskFile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("security_tag", sa.String(64), nullable=False),
        sa.Column("storage_provider", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(500), nullable=False),
        sa.Column("file_storage_data", sa.Text(), nullable=False),
        sa.Column("file_type", sa.String(255)),
        sa.Column("mimetype", sa.String(255)),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True)),
        sa.Column("task_id", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_TaskFile"),
        sa.ForeignKeyConstraint(
            ["task_id"], ["ProcessingTask.id"], name="fk_TaskFile_task_id_ProcessingTask"
        ),
    )
    op.create_index("ix_TaskFile_file_name", "TaskFile", ["file_name"])
    op.create_table(
        "PluginState",
        sa.Column("plugin_id", sa.String(550), nullable=False),
        sa.Column("key", sa.String(500), nullable=False),
        sa.Column("value", sa.JSON()),
        sa.PrimaryKeyConstraint("plugin_id", "key", name="pk_PluginState"),
    )
    op.create_table(
        "VirtualPlugin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(550), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("href", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_VirtualPlugin"),
    )
    op.create_table(
        "DataBlob",
        sa.Column("plugin_id", sa.String(550), nullable=False),
        sa.Column("key", sa.String(500), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("plugin_id", "key", name="pk_DataBlob"),
    )
    op.create_table(
        "TaskLink",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("href", sa.String(500), nullable=False),
        sa.Column("task_id", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_TaskLink"),
        sa.ForeignKeyConstraint(
            ["task_id"], ["ProcessingTask.id"], name="fk_TaskLink_task_id_ProcessingTask"
        ),
    )
    op.create_table(
        "TaskUpdateSubscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("webhook_href", sa.String(500), nullable=False),
        sa.Column("task_href", sa.String(500), nullable=False),
        sa.Column("event_type", sa.String(64)),
        sa.Column("task_id", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_TaskUpdateSubscription"),
        sa.ForeignKeyConstraint(
            ["task_id"],
            ["ProcessingTask.id"],
            name="fk_TaskUpdateSubscription_task_id_ProcessingTask",
        ),
    )


def downgrade():
    tables = (
        "TaskUpdateSubscription TaskLink DataBlob VirtualPlugin PluginState TaskFile Step"
    )
    for table in [*tables.split(), "ProcessingTask"]:
        op.drop_table(table)
