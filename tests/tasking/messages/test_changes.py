"""Changes of tasks wake those who wait for them, in all processes, once they are committed."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.processes import wait_until
from helpers.worker import NO_BROKER
from redis import Redis

from qhana_plugin_runner.api import waiting
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskLink
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasking import changes, life_cycle
from qhana_plugin_runner.tasking.changes import TaskChanges

SECONDS = 30
"""A test that waits in vain fails after that long."""

LIMIT = 4


@pytest.fixture(autouse=True)
def no_subscriber_stays(monkeypatch):
    monkeypatch.setattr(changes, "IDLE_SECONDS", 0.01)
    yield
    for thread in subscribers():
        thread.join(SECONDS)


def subscribers():
    return [each for each in threading.enumerate() if each.name == "task-changes"]


@pytest.fixture
def other(broker_url):
    """Another process, as far as the broker can tell."""
    return TaskChanges(broker_url)


def wait_for_subscription(url):
    with Redis.from_url(url) as client:
        wait_until(lambda: client.pubsub_channels("*changes*"), SECONDS, "it listens")


def test_a_change_that_is_committed_wakes_those_who_wait_for_it(
    broker_url, new_task, other
):
    task_id, another = new_task(), new_task()
    with other.watch(task_id, LIMIT) as changed, other.watch(another, LIMIT) as unchanged:
        wait_for_subscription(broker_url)
        assert changed.wait(SECONDS) and unchanged.wait(SECONDS)  # now it listens
        changed.clear()
        unchanged.clear()
        life_cycle.append_log(task_id, "a line")
        DB.session.rollback()
        life_cycle.append_log(another, "a line")
        DB.session.commit()
        assert unchanged.wait(SECONDS)
        assert not changed.is_set()
        life_cycle.succeed(task_id)
        assert changed.wait(SECONDS)


def test_a_change_is_published_once(broker_url, new_task):
    task_id = new_task()
    with Redis.from_url(broker_url) as client, client.pubsub() as pubsub:
        pubsub.psubscribe("*changes*")
        assert pubsub.get_message(timeout=SECONDS)["type"] == "psubscribe"
        task = DB.session.get(ProcessingTask, task_id)
        STORE.persist_task_result(task_id, "text", "a", "any", "text/plain")  # not one
        task.data = {"a": 1}
        task.add_task_log_entry("a line")
        task.add_next_step("step/", "ui/", "one", commit=True)
        client.publish("the end of changes", "the end")
        assert pubsub.get_message(timeout=SECONDS)["data"] == str(task_id).encode()
        assert pubsub.get_message(timeout=SECONDS)["data"] == b"the end"


def test_an_answer_comes_without_a_look_at_the_database(
    app, broker_url, new_task, monkeypatch
):
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 3600)
    task_id = new_task()
    headers = {"Prefer": f"wait={SECONDS}"}
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(app.test_client().get, f"/tasks/{task_id}/", headers=headers)
        wait_for_subscription(broker_url)
        life_cycle.succeed(task_id)
        assert json.loads(answer.result(SECONDS).data)["status"] == "SUCCESS"


def test_the_subscription_ends_when_nobody_waits(broker_url, other):
    for _ in range(2):  # it begins again, too
        with other.watch(1, LIMIT) as changed:
            assert changed.wait(SECONDS)
            (thread,) = subscribers()
        thread.join(SECONDS)
        assert not thread.is_alive()


def test_a_subscription_that_was_cut_begins_again(broker_url, other):
    with other.watch(1, LIMIT) as changed, Redis.from_url(broker_url) as client:
        assert changed.wait(SECONDS)
        changed.clear()
        client.client_kill_filter(_type="pubsub")
        assert changed.wait(SECONDS)  # something may have happened in between
        changed.clear()
        other.publish(1)
        assert changed.wait(SECONDS)


def test_a_commit_does_not_fail_without_a_broker(app, new_task, caplog):
    task_id = new_task()
    app.extensions["qhana_task_changes"] = TaskChanges(NO_BROKER["broker_url"])
    life_cycle.append_log(task_id, "one")
    DB.session.commit()
    life_cycle.append_log(task_id, "two")
    DB.session.commit()
    assert ProcessingTask.get_by_id(task_id).task_log == "one\ntwo"
    assert caplog.text.count("changes of tasks are not published") == 1


def test_no_more_than_a_few_wait(other):
    with other.watch(1, limit=1) as first, other.watch(1, limit=1) as second:
        assert first is not None and second is None
        assert other.waiting == 1
    assert other.waiting == 0


def write_data(session, task_id):
    session.get(ProcessingTask, task_id).data = {"written": True}


def add_link(session, task_id):
    task = session.get(ProcessingTask, task_id)
    session.add(TaskLink(task=task, type="a-type", href="http://a/"))


@pytest.mark.parametrize("write", [write_data, add_link])
def test_a_session_that_commits_in_another_context_wakes_them_too(
    app, broker_url, new_task, other, write
):
    task_id, session = new_task(), DB.session()
    with other.watch(task_id, LIMIT) as changed:
        wait_for_subscription(broker_url)
        assert changed.wait(SECONDS)  # now it listens
        changed.clear()
        with app.app_context():
            write(session, task_id)
            session.commit()
        assert changed.wait(SECONDS)
