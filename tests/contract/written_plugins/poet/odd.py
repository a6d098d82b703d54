"""Views that start tasks in ways that nobody recommends, and that must work."""

from datetime import UTC, datetime

from flask import url_for

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import save_task_error, save_task_result

from . import POET_BLP
from .routes import to_task
from .tasks import adds, finishes_itself, line, write


@POET_BLP.route("/alone/")
def alone():
    """Send a task alone, with nothing behind it."""
    task = ProcessingTask(task_name=finishes_itself.name)
    task.save(commit=True)
    finishes_itself.s(db_id=task.id).apply_async()
    return to_task(task)


@POET_BLP.route("/preview/<int:db_id>/")
def preview(db_id):
    """Show a part of the result while a step of the task waits."""
    result = line.s("a preview", db_id=db_id).apply_async(expires=15)
    return {"preview": result.get(timeout=15)}


@POET_BLP.route("/preview-by-id/<int:db_id>/")
def preview_by_id(db_id):
    """Show it by the id of the message."""
    message_id = line.s("by id", db_id=db_id).apply_async(expires=15).id
    return {"preview": CELERY.AsyncResult(message_id).get(timeout=15)}


@POET_BLP.route("/options/")
def options():
    """Hand over options that Celery does not know."""
    task = ProcessingTask(task_name=write.name, parameters="options")
    task.save(commit=True)
    chain = write.s(db_id=task.id) | save_task_result.s(db_id=task.id)
    chain.link_error(save_task_error.s(db_id=task.id))
    chain.apply_async(db_id=task.id, url="http://example.org/", hash="abc")
    return to_task(task)


@POET_BLP.route("/at-once/")
def at_once():
    """Finish the task in the view, without Celery."""
    task = ProcessingTask(task_name="none")
    task.save(commit=True)
    task.task_status = "SUCCESS"
    task.finished_at = datetime.now(UTC)
    task.add_task_log_entry("done at once")
    task.save(commit=True)
    return to_task(task)


@POET_BLP.route("/wait/")
def wait():
    """Open the first step in the view; no message is in flight."""
    task = ProcessingTask(task_name="none")
    task.save(commit=True)
    task.add_next_step(
        href=url_for(f"{POET_BLP.name}.second_step", db_id=task.id, _external=True),
        ui_href=url_for(f"{POET_BLP.name}.title_form", _external=True),
        step_id="title",
    )
    task.save(commit=True)
    return to_task(task)


@POET_BLP.route("/publish-first/")
def publish_first():
    """Send the message, and commit a change of the row afterwards."""
    task = ProcessingTask(task_name=adds.name)
    task.save(commit=True)
    chain = adds.s(db_id=task.id) | save_task_result.s(db_id=task.id)
    chain.link_error(save_task_error.s(db_id=task.id))
    chain.apply_async()
    task.data["by view"] = True
    task.save(commit=True)
    return to_task(task)
