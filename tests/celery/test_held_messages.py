"""Messages of a task leave when the view that sends them is done."""

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import chord, group
from celery.result import AsyncResult, ResultSet
from flask import abort
from helpers.outbox import make_task_with
from helpers.runner import runner
from helpers.services import broker
from helpers.worker import QUICK, working
from kombu.exceptions import EncodeError
from redis import Redis

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking.outbox import enqueue
from qhana_plugin_runner.tasks import save_task_error, save_task_result


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with broker(tmp_path_factory.mktemp("broker")) as url:
        yield url
        CELERY.close()


@pytest.fixture
def waiting(url):
    """Return how many messages wait for a worker."""
    with Redis.from_url(url) as client:
        client.flushall()
        yield lambda: client.llen("qhana_plugin_runner")


@pytest.fixture
def app(tmp_path, url, plugin_folders):
    celery = {"broker_url": url, "result_backend": url}
    with runner(tmp_path, PLUGIN_FOLDERS=plugin_folders, CELERY=celery) as app:
        yield app


@pytest.fixture
def habits(app):
    return sys.modules["habits"]


def start(habits, task):
    work = habits.echo.s("x", db_id=task.id) | save_task_result.s(db_id=task.id)
    work.link_error(save_task_error.s(db_id=task.id))
    return work.apply_async()


def test_a_message_leaves_after_the_last_commit_of_the_view(app, habits, waiting):
    seen = []

    @app.post("/early")
    def publish_before_commit():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        start(habits, task)
        seen.append(waiting())
        task.data = {"written": "afterwards"}
        task.save(commit=True)
        seen.append(waiting())
        return {}

    assert app.test_client().post("/early").status_code == 200
    assert seen == [0, 0]
    assert waiting() == 1


def test_messages_leave_in_the_order_in_which_they_were_sent(app, habits, url, waiting):
    @app.post("/several")
    def several():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        ids = [habits.echo.s("x", db_id=task.id).apply_async().id for _ in range(5)]
        return {"ids": ids}

    ids = app.test_client().post("/several").json["ids"]
    with Redis.from_url(url, decode_responses=True) as client:
        messages = client.lrange("qhana_plugin_runner", 0, -1)
    # The list of Redis has the first message at its end.
    assert [id for message in reversed(messages) for id in ids if id in message] == ids


def test_messages_of_a_view_that_fails_leave_as_well(app, habits, waiting):
    app.config["PROPAGATE_EXCEPTIONS"] = False

    @app.post("/failing")
    def failing():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        start(habits, task)
        raise ZeroDivisionError

    assert app.test_client().post("/failing").status_code == 500
    assert waiting() == 1


def test_messages_of_a_view_that_fails_leave_in_debug_mode_too(app, habits, waiting):
    @app.post("/failing")
    def failing():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        start(habits, task)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):  # as TESTING wants it, and debug mode
        app.test_client().post("/failing")
    assert waiting() == 1


def failing_view(app, answer):
    """Ask a view that saves a task, and then answers with an error; return its status."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    made = []

    @app.post("/failing")
    def failing():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        made.append(task.id)
        return answer(task)

    app.test_client().post("/failing")
    return app.test_client().get(f"/tasks/{made[0]}/").json


def raise_error(task):
    raise ZeroDivisionError("by zero")


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def raise_unspeakable(task):
    raise Unspeakable


def forget_argument(task):
    save_task_result.s().apply_async()  # TypeError: it has no db_id


def send_for_another(task):
    other = ProcessingTask("another")
    other.save(commit=True)
    save_task_result.s("", db_id=other.id).apply_async()
    return {}, 503


@pytest.mark.parametrize(
    "answer, reason",
    [
        (raise_error, "(ZeroDivisionError: by zero)"),
        (raise_unspeakable, "(Unspeakable: its text cannot be shown)"),
        (forget_argument, "(TypeError: "),
        (send_for_another, "HTTP 503"),
        (lambda task: abort(502), "HTTP 502"),
        (lambda task: ({}, 500), "HTTP 500"),
    ],
)
def test_a_task_whose_view_fails_before_anything_is_sent_ends(app, answer, reason):
    task = failing_view(app, answer)
    assert task["status"] == "FAILURE"
    assert task["log"].startswith("Task failed: the view that made it has failed")
    assert reason in task["log"]


def send_without_id(task):
    CELERY.send_task("elsewhere", (task.id,))
    raise ZeroDivisionError


def ask_a_person(task):
    task.add_next_step("href", "ui", "step", commit=True)
    return {}, 500


def send_and_fail(task):
    save_task_result.s("", db_id=task.id).apply_async()
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "answer",
    [
        lambda task: ({}, 404),
        lambda task: {},
        send_without_id,
        ask_a_person,
        send_and_fail,
    ],
)
def test_a_task_that_may_go_on_waits(app, waiting, answer):
    assert failing_view(app, answer)["status"] == "PENDING"


def test_a_row_that_was_ended_in_a_view_that_fails_stays_as_it_is(app):
    def end(task):
        task.task_status, task.finished_at = "SUCCESS", utc_now()
        task.save(commit=True)
        return {}, 500

    task = failing_view(app, end)
    assert (task["status"], task["log"]) == ("SUCCESS", "")


def test_a_view_that_does_not_commit_its_task_is_told_so(app, habits, waiting):
    @app.post("/uncommitted")
    def uncommitted():
        task = ProcessingTask("a-task")
        task.save()
        DB.session.flush()
        start(habits, task)
        return {}

    answer = app.test_client().post("/uncommitted")
    assert answer.status_code == 500
    assert "task.save(commit=True)" in answer.json["message"]
    assert waiting() == 0


def add(name="a-task"):
    task = ProcessingTask(name)
    task.save()
    DB.session.flush()
    return task


def test_what_is_sent_for_a_saved_task_leaves_when_another_is_not_saved(
    app, habits, waiting
):
    made = []

    @app.post("/two")
    def two():
        saved = add()
        made.append(saved.id)
        DB.session.expunge(saved)  # which is saved all the same
        DB.session.commit()
        start(habits, saved)
        start(habits, add())
        return {}

    answer = app.test_client().post("/two")
    assert answer.status_code == 500
    assert "the task is not saved" in answer.json["message"]
    assert waiting() == 1
    assert app.test_client().get(f"/tasks/{made[0]}/").json["status"] == "PENDING"


def test_a_saved_task_ends_when_its_message_is_about_one_that_is_not(
    app, habits, waiting
):
    def send_for_both(task):
        work = habits.echo.s("x", db_id=task.id) | save_task_result.s(db_id=add().id)
        work.apply_async()
        return {}

    task = failing_view(app, send_for_both)
    assert task["status"] == "FAILURE" and waiting() == 0


def commit_as_another(app):
    """Save a task as another request does; it may get an id that was rolled back."""

    def commit():
        with app.app_context():
            task = ProcessingTask("another's")
            task.save(commit=True)
            return task.id

    with ThreadPoolExecutor() as threads:
        return threads.submit(commit).result()


def roll_back_all():
    DB.session.rollback()


def close_session():
    DB.session.close()
    DB.session.commit()


def roll_back_savepoint():
    DB.session.rollback()
    savepoint = DB.session.begin_nested()
    add()
    savepoint.rollback()
    DB.session.commit()


@pytest.mark.parametrize(
    "roll_back, debug, send",
    [
        (roll_back_all, True, True),
        (roll_back_all, False, False),
        (close_session, False, False),
        (roll_back_savepoint, False, True),
        (roll_back_savepoint, True, False),
    ],
)
def test_a_task_of_another_request_with_an_id_that_was_rolled_back_stays(
    app, habits, waiting, roll_back, debug, send
):
    app.config["PROPAGATE_EXCEPTIONS"] = debug
    ids = []

    @app.post("/rolled-back")
    def rolled_back():
        task = add()
        ids.append(task.id)
        if send:
            start(habits, task)
        roll_back()
        ids.append(commit_as_another(app))
        raise ZeroDivisionError

    if debug:
        with pytest.raises(ZeroDivisionError):
            app.test_client().post("/rolled-back")
    else:
        app.test_client().post("/rolled-back")
    assert len(set(ids)) == 1  # as SQLite does it
    assert waiting() == 0
    assert app.test_client().get(f"/tasks/{ids[0]}/").json["status"] == "PENDING"


def test_a_message_for_a_row_that_the_view_has_rolled_back_is_not_sent(
    app, habits, waiting
):
    @app.post("/rolled-back")
    def rolled_back():
        start(habits, add())
        DB.session.rollback()
        return {}

    assert app.test_client().post("/rolled-back").status_code == 500
    assert waiting() == 0


SHAPES = {
    "chord": lambda habits, row: chord(
        [habits.echo.s("a", None)], habits.count.s(db_id=row)
    ),
    "group and more": lambda habits, row: (
        group([habits.echo.s("a", None), habits.echo.s("b", None)])
        | habits.count.s(db_id=row)
        | save_task_result.s(db_id=row)
    ),
    "linked": lambda habits, row: habits.echo.s("a", None).on_error(
        save_task_error.s(db_id=row)
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_message_is_held_for_the_task_that_is_behind_it(
    app, habits, url, waiting, shape
):
    seen = []

    @app.post("/shaped")
    def shaped():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        SHAPES[shape](habits, task.id).apply_async()
        seen.append(waiting())
        return {}

    app.test_client().post("/shaped")
    assert seen == [0]
    assert waiting() > 0
    with Redis.from_url(url) as client:
        assert client.pubsub_channels() == []


def test_a_message_says_what_was_said_when_it_was_handed_over(app, habits, url, waiting):
    @app.post("/changing")
    def changing():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        arguments = {"db_id": task.id}
        for arguments["text"] in ("first", "second"):
            habits.echo.apply_async(kwargs=arguments)
        return {}

    app.test_client().post("/changing")
    with Redis.from_url(url) as client:
        messages = map(json.loads, client.lrange("qhana_plugin_runner", 0, -1))
    bodies = [json.loads(base64.b64decode(message["body"])) for message in messages]
    assert [kwargs["text"] for _args, kwargs, _more in bodies] == ["second", "first"]


def test_what_cannot_be_sent_is_told_to_the_view(app, habits, waiting):
    @app.post("/unsendable")
    def unsendable():
        try:
            habits.echo.s(object(), db_id=1).apply_async()
        except EncodeError:
            return {"told": True}

    assert app.test_client().post("/unsendable").json == {"told": True}


def test_a_result_knows_whether_it_is_ignored(app, habits):
    @app.post("/ignored")
    def ignored():
        result = habits.fail_silently.s("x", db_id=1).apply_async()
        return {"ignored": result.ignored}

    assert app.test_client().post("/ignored").json == {"ignored": True}


@pytest.mark.parametrize("is_test", [True, False])
def test_calls_of_webhooks_are_left_to_a_worker_in_tests_only(app, waiting, is_test):
    app.testing = is_test
    with app.app_context():
        task_id = make_task_with(("http://127.0.0.1:9/", None))
        enqueue(task_id, "status")
        DB.session.rollback()
        enqueue(task_id, "steps")
        assert waiting() == 0
        DB.session.commit()
    assert waiting() == int(is_test)


def test_messages_of_no_task_leave_at_once(app, habits, waiting):
    @app.post("/other")
    def other():
        habits.echo.s("x", None).apply_async()
        return {"waiting": waiting()}

    assert app.test_client().post("/other").json == {"waiting": 1}


def test_outside_of_a_view_messages_leave_at_once(app, habits, waiting):
    with app.test_request_context():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        start(habits, task)
        assert waiting() == 1


def test_what_a_stream_sends_while_it_is_read_leaves_at_once(app, habits, waiting):
    @app.get("/stream")
    def stream():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        number = task.id

        def pieces():
            with app.app_context():
                start(habits, DB.session.get(ProcessingTask, number))
            yield str(waiting())

        return pieces()

    assert app.test_client().get("/stream").text == "1"


@pytest.fixture
def client(tmp_path, plugin_folders):
    """A client of an app with a worker in this process."""
    with runner(tmp_path, PLUGIN_FOLDERS=plugin_folders, CELERY=QUICK) as app:
        with working():
            yield app.test_client()


QUESTIONS = {
    "get": lambda result: result.get(timeout=30),
    "get by id": lambda result: CELERY.AsyncResult(result.id).get(timeout=30),
    "state": lambda result: _when_ready(result).state and result.result,
    "by id": lambda result: _when_ready(CELERY.AsyncResult(result.id)).result,
    "of Celery": lambda result: AsyncResult(result.id, app=CELERY).get(timeout=30),
    "in a set": lambda result: ResultSet([result]).get(timeout=30)[0],
}


def _when_ready(result):
    while not result.ready():
        pass  # as plugins do
    return result


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_view_that_asks_for_a_result_gets_it(client, question):
    habits = sys.modules["habits"]

    @client.application.get("/preview")
    def preview():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        result = habits.echo.s("a preview", db_id=task.id).apply_async(expires=15)
        return {"preview": QUESTIONS[question](result)}

    assert client.get("/preview").json == {"preview": "a preview"}


def test_a_view_that_asks_in_another_app_context_gets_its_result(client):
    habits = sys.modules["habits"]

    @client.application.get("/preview")
    def preview():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        result = habits.echo.s("a preview", db_id=task.id).apply_async()
        with client.application.app_context():
            return {"preview": result.get(timeout=30)}

    assert client.get("/preview").json == {"preview": "a preview"}


def test_a_view_that_waits_for_a_group_gets_its_results(client):
    habits = sys.modules["habits"]

    @client.application.get("/previews")
    def previews():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        parts = group(habits.echo.s(name, db_id=task.id) for name in ("one", "two"))
        return {"previews": parts.apply_async().get(timeout=30)}

    assert client.get("/previews").json == {"previews": ["one", "two"]}
