"""A worker holds back progress that a plugin reports very often."""

from sqlalchemy import event

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask


@CELERY.task(name="supervised@v1.hurried")
def hurried(db_id):
    task = ProcessingTask.get_by_id(db_id)
    for value in range(1000):
        task.progress_value = value
        task.save(commit=True)


def test_a_thousand_changes_of_one_message_are_few_writes(new_task, deliver):
    task_id = new_task()
    hurried.apply_async(kwargs={"db_id": task_id})
    writes = []

    def remember(_connection, _cursor, statement, *_more):
        if statement.startswith("UPDATE"):
            writes.append(statement)

    event.listen(DB.engine, "before_cursor_execute", remember)
    deliver(hurried, task_id)
    event.remove(DB.engine, "before_cursor_execute", remember)
    DB.session.rollback()
    assert ProcessingTask.get_by_id(task_id).progress_value == 999
    assert 0 < len(writes) < 100
