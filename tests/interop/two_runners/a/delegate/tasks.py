"""The other plugin is started, then followed until its end."""

from urllib.parse import urljoin

from flask import current_app
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.plugin_utils.interop import (
    call_plugin_endpoint,
    get_plugin_endpoint,
    get_task_result_no_wait,
    monitor_external_substep,
    monitor_result,
    subscribe,
)
from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import TASK_STEPS_CHANGED, add_step, save_task_result

from . import IDENTIFIER


@CELERY.task(name=f"{IDENTIFIER}.start", bind=True)
def start(self, db_id: int) -> None:
    """Start the other plugin and see to it that its changes are told."""
    task = ProcessingTask.get_by_id(db_id)
    endpoint = get_plugin_endpoint(task.data["plugin_url"])
    result_url = call_plugin_endpoint(endpoint, {"topic": task.data["topic"]})
    task.data["result_url"] = result_url
    task.save(commit=True)  # before the first change is told: ChangeView compares it
    webhook = task.data["webhook"]
    if task.data["callback"] and subscribe(result_url, webhook, ["status", "steps"]):
        task.add_task_log_entry("The other runner calls when there is news.", commit=True)
    else:
        task.data["callback"] = False
        task.add_task_log_entry("The other runner is asked for news.", commit=True)
        monitor_result.s(result_url, webhook).apply_async()


@CELERY.task(name=f"{IDENTIFIER}.follow", bind=True)
def follow(self, db_id: int) -> None:
    """Look at the other task after a change; the same change may be told twice."""
    task = ProcessingTask.get_by_id(db_id)
    if task.is_finished:
        return None
    result_url = task.data["result_url"]
    status, result = get_task_result_no_wait(result_url)
    link_steps(task, result.get("steps", []))
    if status == "PENDING":
        if not task.data["callback"]:
            watch_on(task, result.get("steps", []))
        return None
    if not is_first_at_the_end(db_id):
        return None
    if status == "FAILURE":
        # The log ends with the error; before it is what the plugin wrote while all was well.
        reason = result["log"].strip().rpartition("\n")[2] or "it gave no reason"
        raise RuntimeError(f"The plugin at {task.data['plugin_url']} failed: {reason}")
    urls = [output["href"] for output in result["outputs"]]
    return self.replace(
        collect.s(db_id=db_id, urls=urls) | save_task_result.s(db_id=db_id)
    )


def link_steps(task: ProcessingTask, theirs: list[dict]) -> None:
    """Show the steps of the other task as steps of this one."""
    base = task.data["result_url"]
    for number, step in enumerate(theirs):
        if number == len(task.steps):
            try:
                add_step(
                    "",
                    db_id=task.id,
                    step_id=step["stepId"],
                    href=urljoin(base, step["href"]),
                    ui_href=urljoin(base, step["uiHref"]),
                )
            except (AssertionError, IntegrityError):
                DB.session.rollback()  # added at this moment by the call before
                return
        if step["cleared"] and not task.steps[number].cleared:
            task.clear_previous_step(commit=True)
            TASK_STEPS_CHANGED.send(current_app._get_current_object(), task_id=task.id)


def watch_on(task: ProcessingTask, theirs: list[dict]) -> None:
    """Ask for the next change: monitors end with the first one that they have told."""
    urls = (task.data["result_url"], task.data["webhook"])
    if theirs and not theirs[-1]["cleared"]:
        monitor_external_substep.s(*urls, substep=theirs[-1]["stepId"]).apply_async()
    else:
        monitor_result.s(*urls).apply_async()


def is_first_at_the_end(db_id: int) -> bool:
    """Whether nobody else collects the outputs: only one update finds the old name."""
    changed = DB.session.execute(
        update(ProcessingTask)
        .where(ProcessingTask.id == db_id, ProcessingTask.task_name == follow.name)
        .values(task_name=collect.name)
    )
    DB.session.commit()
    return changed.rowcount == 1


@CELERY.task(name=f"{IDENTIFIER}.collect", bind=True)
def collect(self, db_id: int, urls: list[str]) -> str:
    """Make an output of the other plugin's outputs."""
    texts = []
    for url in urls:
        with open_url(url, timeout=30) as response:
            texts.append(response.content.decode("utf-8"))
    STORE.persist_task_result(
        db_id, "\n".join(texts).upper(), "loud.txt", "custom/answer", "text/plain"
    )
    return f"collected {len(texts)}"
