"""Tasks with all that can belong to one."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.task_console import append_console
from qhana_plugin_runner.db.models.tasks import (
    ProcessingTask,
    TaskLink,
    TaskUpdateSubscription,
    WebhookDelivery,
)
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasking import life_cycle


@pytest.fixture
def make_task(context):
    """Return a function that makes a task with all that can belong to one; returns its id."""

    def make_task(days=None):
        """Make a task.

        Args:
            days: since the task has ended (default: it has not)
        """
        task = ProcessingTask("a-task")
        task.save(commit=True)
        task.add_next_step("step/", "ui/", "one")
        task.clear_previous_step()
        TaskLink(task, "type", "href").save()
        task.add_task_log_entry("one")
        task.add_task_log_entry("two", commit=True)
        STORE.persist_task_result(task.id, "result", "a.txt", "entity/list", "text/plain")
        STORE.persist_task_temp_file(task.id, "temporary", "b.txt")
        task_id = task.id
        if days is not None:
            life_cycle.succeed(task_id)
            age(task_id, days)
        # Last, so that there is no call for each of the changes above.
        task = ProcessingTask.get_by_id(task_id)
        TaskUpdateSubscription(task, "http://hook/", "task").save()
        now = datetime.now(UTC)
        DB.session.add(
            WebhookDelivery(task_id, "http://hook/", "task", "status", now, None)
        )
        append_console(DB.session.connection(), task_id, "printed")
        DB.session.commit()
        return task_id

    return make_task


def age(task_id, days):
    """Let a task have ended so many days ago."""
    ended = datetime.now(UTC) - timedelta(days=days)
    DB.session.execute(
        ProcessingTask.__table__.update()
        .where(ProcessingTask.id == task_id)
        .values(finished_at=ended)
    )
    DB.session.commit()


@pytest.fixture
def rows(context):
    """Return a function that counts the rows of all tables that are not empty."""

    def rows():
        DB.session.rollback()
        counts = {
            table.name: len(DB.session.execute(select(table)).all())
            for table in DB.metadata.sorted_tables
        }
        return {name: count for name, count in counts.items() if count}

    return rows


@pytest.fixture
def files(tmp_path):
    """Return a function that lists the files of the local store, and its folders."""
    root = tmp_path / "files"
    return lambda: sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


OF_ONE_TASK = {
    "ProcessingTask": 1,
    "Step": 1,
    "TaskConsole": 1,
    "TaskFile": 2,
    "TaskLink": 1,
    "TaskLogEntry": 2,
    "TaskUpdateSubscription": 1,
    "WebhookDelivery": 1,
}


@pytest.fixture
def of_tasks():
    """Return a function that tells the rows that so many tasks have."""
    return lambda count: {
        name: number * count for name, number in OF_ONE_TASK.items() if count
    }
