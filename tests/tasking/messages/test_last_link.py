"""When only ``save_task_result`` is left of a chain, the worker ends the task by itself."""

import base64
import json

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.task_console import console_behind
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle, messages
from qhana_plugin_runner.tasking.messages import DELIVERY_ID, TASK_ID
from qhana_plugin_runner.tasking.signals import TASK_STATUS_CHANGED
from qhana_plugin_runner.tasks import save_task_error, save_task_result


@CELERY.task(name="last-link@v1.work", bind=True)
def work(self, db_id, result="done", do=None):
    """Do something, and return the log."""
    if do is not None:
        do(db_id)
    return result


@pytest.fixture
def run(app, registry, new_task, monkeypatch):
    """Run the first message of a chain as a worker does; return the task's id and what is left."""

    def run(follow, **arguments):
        task_id = new_task()
        monkeypatch.setattr(work, "ignore_result", True)
        chain = work.s(db_id=task_id) | follow(task_id)
        chain.link_error(save_task_error.s(db_id=task_id))
        chain.apply_async()
        (message,) = registry.entries([task_id])[task_id].messages
        (raw,) = registry.client.lrange("qhana_plugin_runner", 0, -1)
        registry.client.delete("qhana_plugin_runner")
        work.push_request(called_directly=False, **_fields(raw, task_id, message))
        try:
            work(db_id=task_id, **arguments)
            left = work.request.chain
            DB.session.remove()  # as at the end of the app context of a worker
            messages.complete(app, work, "SUCCESS", fail=pytest.fail)
        finally:
            work.pop_request()
        DB.session.rollback()
        return task_id, left

    return run


def _fields(raw, task_id, message):
    """Return what Celery's record of a message has of it."""
    body = json.loads(base64.b64decode(json.loads(raw)["body"]))
    names = {TASK_ID: task_id, DELIVERY_ID: message.delivery_id}
    return {**body[2], **names}


def plain(task_id):
    return save_task_result.s(db_id=task_id)


@pytest.fixture
def commits(app):
    """The commits since the start of the test."""
    found = []

    def note(connection):
        found.append(connection)

    event.listen(DB.engine, "commit", note)
    yield found
    event.remove(DB.engine, "commit", note)


def state_and_log(task_id):
    task = ProcessingTask.get_with_details(task_id)
    return task.state, task.status, task.task_log


def test_a_plain_chain_ends_without_another_message(run, registry):
    task_id, left = run(plain)
    assert not left
    assert state_and_log(task_id) == ("succeeded", "SUCCESS", "done")
    assert registry.entries([task_id])[task_id] == (False, [], False)


def test_what_a_task_has_printed_is_committed_with_its_end(run, commits):
    task_id, _left = run(plain, do=lambda _task_id: (commits.clear(), print("a line")))
    assert len(commits) == 1
    assert console_behind(task_id, 0).text == "a line\n"


def test_the_worker_has_begun_when_it_claimed_the_message(run):
    task = ProcessingTask.get_by_id(run(plain)[0])
    assert task.began_at <= task.finished_at


def with_option(**options):
    return lambda task_id: save_task_result.s(db_id=task_id).set(**options)


@pytest.mark.parametrize(
    "follow",
    [
        lambda task_id: work.s(db_id=task_id) | plain(task_id),
        lambda task_id: save_task_result.si("log", db_id=task_id),
        with_option(countdown=1),
        with_option(queue="other"),
        with_option(ignore_result=False),
        with_option(link=work.si(db_id=1)),
    ],
    ids=["two more", "own log", "later", "queue", "result", "link"],
)
def test_anything_else_is_left_to_messages(run, follow):
    task_id, left = run(follow)
    assert left
    assert state_and_log(task_id) == ("waiting", "PENDING", "")


@pytest.mark.parametrize("result", [5, {"a": "b"}, ["text"]], ids=str)
def test_what_is_no_log_is_left_to_the_message_which_fails(run, result):
    task_id, left = run(plain, result=result)
    assert left and state_and_log(task_id)[1] == "PENDING"


def test_changes_that_the_plugin_has_not_committed_are_not_committed(run):
    def change(task_id):
        ProcessingTask.get_by_id(task_id).data = "not saved"
        print("a line")

    task_id, left = run(plain, do=change)
    assert left
    assert console_behind(task_id, 0).text == "a line\n"
    assert ProcessingTask.get_by_id(task_id).data == {}


def test_a_row_that_is_gone_leaves_it_to_the_message(run):
    def remove(task_id):
        DB.session.delete(ProcessingTask.get_by_id(task_id))
        DB.session.commit()

    _task_id, left = run(plain, do=remove)
    assert left


def test_a_task_that_is_to_be_cancelled_is_left_to_the_message(run, registry):
    def cancel(task_id):
        print("a line")
        assert registry.request_cancel(task_id) == 1
        assert life_cycle.request_cancel(task_id)

    task_id, left = run(plain, do=cancel)
    assert left
    assert state_and_log(task_id) == ("cancelled", "FAILURE", "The task was cancelled.")
    assert console_behind(task_id, 0).text == "a line\n"


DATA = """UPDATE "ProcessingTask" SET data = '{"not": "saved"}' WHERE id = :id"""


def write_past_the_session(task_id):
    DB.session.connection().execute(text(DATA), {"id": task_id})


def write_in_bulk(task_id):
    data = {"not": "saved"}
    DB.session.bulk_update_mappings(ProcessingTask, [{"id": task_id, "data": data}])


@pytest.mark.parametrize("write", [write_past_the_session, write_in_bulk])
def test_what_the_session_does_not_know_of_is_not_committed_either(run, write):
    task_id, left = run(plain, do=write)
    assert not left and state_and_log(task_id)[0] == "succeeded"
    assert ProcessingTask.get_by_id(task_id).data == {}


def swallow_a_violated_constraint(task_id):
    twin = ProcessingTask("twin")
    twin.id = task_id
    DB.session.add(twin)
    with pytest.raises(IntegrityError):
        DB.session.flush()


def lose_the_connection(task_id):
    DB.session.connection().invalidate()


@pytest.mark.parametrize("leave", [swallow_a_violated_constraint, lose_the_connection])
def test_work_succeeds_that_leaves_its_session_with_an_error(run, leave):
    assert state_and_log(run(plain, do=leave)[0]) == ("succeeded", "SUCCESS", "done")


@pytest.mark.parametrize("error", [ZeroDivisionError, SoftTimeLimitExceeded])
def test_an_error_after_the_end_of_a_task_is_not_one_of_its_work(run, registry, error):
    def receive(_app, task_id):
        raise error

    with TASK_STATUS_CHANGED.connected_to(receive):
        task_id, left = run(plain, do=lambda _task_id: print("once"))
    assert console_behind(task_id, 0).text == "once\n"
    assert left  # the message finds the task ended
    assert state_and_log(task_id) == ("succeeded", "SUCCESS", "done")
    save_task_result("done", db_id=task_id)
    assert state_and_log(task_id) == ("succeeded", "SUCCESS", "done")
