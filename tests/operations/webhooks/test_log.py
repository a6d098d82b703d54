"""Clients and people can see which webhooks were called, and what came of it."""

import pytest
from helpers.html_tree import read_html
from helpers.outbox import deliver, make_task_with
from helpers.runner import runner

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.tasking import life_cycle
from qhana_plugin_runner.tasking.outbox import enqueue

HTML = {"Accept": "text/html"}


@pytest.fixture
def app(tmp_path):
    with runner(tmp_path, PLUGIN_FOLDERS=[]) as app:
        yield app


@pytest.fixture
def task_id(app, webhook):
    """A task whose webhook was called about its status, and is to be called about its steps."""
    with app.app_context():
        url = webhook.url.replace("://", "://me:secret@")
        task_id = make_task_with((f"{url}?token=secret", None))
        enqueue(task_id, "status")
        DB.session.commit()
        webhook.status = 404
        deliver(app)
        enqueue(task_id, "steps")
        DB.session.commit()
        return task_id


def test_the_calls_are_listed_newest_first(app, task_id, webhook):
    response = app.test_client().get(f"/tasks/{task_id}/webhooks/")
    assert response.status_code == 200
    steps, status = response.json
    times = ["createdAt", "lastAttemptAt", "deliveredAt", "nextAttemptAt"]
    assert [name for name in times if name in status] == times[:3]
    assert [name for name in times if name in steps] == ["createdAt", "nextAttemptAt"]
    assert all(status[name].endswith("Z") for name in times[:3])
    assert status["createdAt"] <= status["lastAttemptAt"] <= status["deliveredAt"]
    facts = {name: fact for name, fact in status.items() if name not in times}
    assert facts == {
        "webhook": webhook.url,
        "event": "status",
        "attempts": 1,
        "lastAnswer": "HTTP 404",
    }
    assert (steps["event"], steps["attempts"]) == ("steps", 0)
    assert "lastAnswer" not in steps


def test_user_password_and_query_are_not_shown(app, task_id):
    client = app.test_client()
    for path in (f"/tasks/{task_id}/webhooks/", f"/tasks/{task_id}/"):
        for headers in ({}, HTML):
            assert "secret" not in client.get(path, headers=headers).text


def test_a_task_without_calls_has_an_empty_list(app):
    with app.app_context():
        task_id = make_task_with()
    assert app.test_client().get(f"/tasks/{task_id}/webhooks/").json == []


@pytest.mark.parametrize("task_id", ["99", "0", "x", "99999999999999999999"])
def test_an_unknown_task_is_not_found(app, task_id):
    assert app.test_client().get(f"/tasks/{task_id}/webhooks/").status_code == 404


def test_the_page_of_the_task_shows_the_calls(app, task_id, webhook):
    page = app.test_client().get(f"/tasks/{task_id}/", headers=HTML).text
    assert '<h2 id="webhooks">' in page
    assert webhook.url in page and "HTTP 404" in page


def test_the_page_of_a_task_that_has_ended_follows_its_calls(app, task_id, webhook):
    def following():
        page = read_html(app.test_client().get(f"/tasks/{task_id}/", headers=HTML).text)
        return page.one("main").get("data-follow")

    assert following() == "wait"
    with app.app_context():
        life_cycle.succeed(task_id)
        assert following() == "poll"
        webhook.status = 204
        deliver(app)
    assert following() is None


def test_the_page_of_a_task_without_calls_does_not_mention_them(app):
    with app.app_context():
        task_id = make_task_with()
    page = app.test_client().get(f"/tasks/{task_id}/", headers=HTML).text
    assert "Webhooks" not in page
