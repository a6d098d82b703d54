"""The status of a task for clients that know one already, or wait for the next."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.databases import on_each_database, on_one_database
from helpers.processes import wait_until
from sqlalchemy import event

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import TaskLink
from qhana_plugin_runner.tasking import changes, life_cycle

pytestmark = on_each_database

SECONDS = 30
"""A test that waits in vain fails after that long."""


def etag(client):
    return client.get("/tasks/1/").headers["ETag"]


def test_a_status_that_the_client_has_is_not_sent_again(client, task):
    answer = client.get("/tasks/1/", headers={"If-None-Match": etag(client)})
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == etag(client)
    assert {"Accept", "Prefer"} <= set(answer.vary)


def test_each_change_has_another_tag(client, task):
    tags = [etag(client)]

    def changed():
        tags.append(etag(client))

    task.progress_value = 5
    task.save(commit=True)
    changed()
    life_cycle.append_log(1, "a line")
    DB.session.commit()
    changed()
    task.add_next_step("step/", "ui/", "one", commit=True)
    changed()
    task.clear_previous_step(commit=True)
    changed()
    life_cycle.succeed(1)
    changed()
    assert len(set(tags)) == len(tags)
    answer = client.get("/tasks/1/", headers={"If-None-Match": tags[0]})
    assert (answer.status_code, answer.get_json()["status"]) == (200, "SUCCESS")


def test_scripts_of_other_origins_see_the_tag(client, task):
    answer = client.get("/tasks/1/", headers={"Origin": "https://ui.example"})
    exposed = answer.headers["Access-Control-Expose-Headers"]
    assert {"ETag", "Preference-Applied"} <= set(exposed.split(", "))


@pytest.fixture
def ask(app):
    """Ask for the status in another thread; returns the future answer."""
    with ThreadPoolExecutor() as pool:

        def ask(prefer=f"wait={SECONDS}", tag=None, waiting=1):
            headers = {"Prefer": prefer, **({"If-None-Match": tag} if tag else {})}
            client = app.test_client()
            future = pool.submit(client.get, "/tasks/1/", headers=headers)
            wait_until(
                lambda: waiters(app) == waiting or future.done(), SECONDS, "it waits"
            )
            return future

        yield ask


def waiters(app):
    return app.extensions["qhana_task_changes"].waiting


CHANGES = {
    "progress": lambda task: setattr(task, "progress_value", 5),
    "step": lambda task: task.add_next_step("step/", "ui/", "one"),
    "log": lambda task: task.add_task_log_entry("a line"),
    "link": lambda task: TaskLink(task, "type", "href").save(),
}


@pytest.mark.parametrize("change", ["progress", "step", "log", "link"])
def test_an_answer_waits_for_the_next_change(app, client, task, ask, change):
    answer = ask(tag=etag(client))
    assert waiters(app) == 1
    CHANGES[change](task)
    task.save(commit=True)
    answer = answer.result(SECONDS)
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == f"wait={SECONDS}"
    assert answer.headers["ETag"] == etag(client)
    assert waiters(app) == 0


def test_without_a_tag_an_answer_waits_for_the_end(app, client, task, ask):
    answer = ask()
    task.progress_value = 5
    task.save(commit=True)
    life_cycle.fail(1, "the end")
    assert answer.result(SECONDS).get_json()["status"] == "FAILURE"


def test_a_process_that_is_to_end_holds_nobody_back(app, client, task, ask):
    tag = etag(client)
    answers = [ask(tag=tag, waiting=1), ask(tag=tag, waiting=2)]
    changes.end_waiting(app)
    assert [each.result(SECONDS / 2).status_code for each in answers] == [304, 304]
    assert ask(tag=tag, waiting=0).result(SECONDS / 2).status_code == 304


def test_what_the_client_does_not_have_is_sent_at_once(client, task, ask):
    life_cycle.succeed(1)
    assert ask().result(SECONDS).get_json()["status"] == "SUCCESS"
    assert ask(tag='W/"another"').result(SECONDS).status_code == 200


def test_when_the_time_is_over_nothing_is_new(client, task):
    headers = {"Prefer": "respond-async, Wait=1", "If-None-Match": etag(client)}
    answer = client.get("/tasks/1/", headers=headers)
    assert answer.status_code == 304
    assert answer.headers["Preference-Applied"] == "wait=1"


def test_a_task_that_is_removed_meanwhile_is_not_found(client, task, ask):
    answer = ask(tag=etag(client))
    DB.session.delete(task)
    DB.session.commit()
    assert answer.result(SECONDS).status_code == 404


def test_longer_waits_are_cut(app, client, task, ask):
    answer = ask(prefer="wait=9999999999999999")
    life_cycle.succeed(1)
    assert answer.result(SECONDS).headers["Preference-Applied"] == "wait=30"


@on_one_database
@pytest.mark.parametrize("prefer", ["wait", "wait=x", "wait=-1", "wait=٣", "wait=0", ""])
def test_what_is_no_time_to_wait_is_passed_over(client, task, prefer):
    answer = client.get("/tasks/1/", headers={"Prefer": prefer})
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers


def test_more_than_a_few_do_not_wait(app, client, task, ask):
    tag = etag(client)
    waiting = [ask(tag=tag, waiting=number) for number in (1, 2, 3, 4)]
    late = ask(tag=tag).result(SECONDS)
    assert late.status_code == 304
    assert "Preference-Applied" not in late.headers
    assert waiters(app) == 4
    life_cycle.succeed(1)
    for answer in waiting:
        assert answer.result(SECONDS).status_code == 200
    assert waiters(app) == 0


def test_who_waits_holds_no_connection(app, client, task, ask):
    tag = etag(client)
    DB.session.rollback()
    assert DB.engine.pool.checkedout() == 0
    polled = threading.Event()

    @event.listens_for(DB.engine, "checkin")
    def note(*_):
        if waiters(app):
            polled.set()

    answer = ask(tag=tag)
    assert polled.wait(SECONDS)
    wait_until(
        lambda: DB.engine.pool.checkedout() == 0, SECONDS, "the connection is back"
    )
    life_cycle.succeed(1)
    answer.result(SECONDS)


def test_a_status_that_nobody_waits_for_takes_one_query(client, task):
    sent = []
    event.listen(DB.engine, "before_cursor_execute", lambda *call: sent.append(call[2]))
    client.get("/tasks/1/", headers={"If-None-Match": "x"})
    assert len(sent) == 1
