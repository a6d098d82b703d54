"""What becomes of tasks whose messages a database keeps from being sent."""

import sqlite3

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask

REFUSE = """CREATE TRIGGER refuse BEFORE UPDATE ON "ProcessingTask"
WHEN NEW.state = 'queued' BEGIN SELECT RAISE(ABORT, 'not today'); END"""


@CELERY.task(name="sending@v1.work")
def work(db_id):
    """Do nothing."""


@pytest.fixture
def post(app, registry):
    """Ask a view that sends messages for two tasks.

    Return the status, the tasks, and how many messages are registered and sent.
    """
    ids = []

    def post(before_end):
        @app.post("/two")
        def two():
            for name in ("first", "second"):
                task = ProcessingTask(name)
                task.save(commit=True)
                ids.append(task.id)
                work.s(db_id=task.id).apply_async()
            before_end()
            return {}

        status = app.test_client().post("/two").status_code
        with app.app_context():
            tasks = [ProcessingTask.get_with_details(task_id) for task_id in ids]
            found = [(task.state, task.task_log) for task in tasks]
        left = [task_id for task_id, entry in registry.entries(ids).items() if entry[1]]
        return status, found, len(left), registry.client.llen("qhana_plugin_runner")

    return post


def refuse():
    DB.session.execute(text(REFUSE))
    DB.session.commit()


def test_tasks_whose_messages_the_database_refuses_fail(post):
    status, tasks, registered, sent = post(refuse)
    assert status == 500 and (registered, sent) == (0, 0)
    for state, log in tasks:
        assert state == "failed"
        assert log.endswith("could not be started: IntegrityError: not today")


def test_tasks_fail_as_well_when_the_view_has_failed_in_debug_mode(app, post):
    app.config["PROPAGATE_EXCEPTIONS"] = True

    def fail():
        refuse()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        post(fail)
    with app.app_context():
        states = DB.session.scalars(DB.select(ProcessingTask.state)).all()
    assert states == ["failed", "failed"]


def swallow_an_error():
    twin = ProcessingTask("twin")
    twin.id = 1
    DB.session.add(twin)
    with pytest.raises(IntegrityError):
        DB.session.flush()


def lock_once(folder):
    """Lock the database until a statement has failed for it."""
    other = sqlite3.connect(folder / "runner.db", isolation_level=None)
    DB.session.execute(text("PRAGMA busy_timeout=0"))
    DB.session.commit()

    def release(_context):
        other.close()

    other.execute("BEGIN EXCLUSIVE")
    event.listen(DB.engine, "handle_error", release)


@pytest.mark.parametrize("trouble", ["locked", "session"])
def test_messages_leave_when_the_trouble_passes(post, tmp_path, trouble):
    before_end = swallow_an_error if trouble == "session" else lambda: lock_once(tmp_path)
    status, tasks, registered, sent = post(before_end)
    assert (status, registered, sent) == (200, 2, 2)
    assert tasks == [("queued", ""), ("queued", "")]
