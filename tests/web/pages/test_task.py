"""A task answers programs with JSON and browsers with a page that leads on."""

from hashlib import sha256

import pytest
from helpers.html_tree import foreign_scripts

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasking import life_cycle


@pytest.fixture
def task(client):
    """Make a task; the function commits what a test does to it."""
    with client.application.app_context():
        DB.create_all()
        task = ProcessingTask(task_name="test")
        task.save(commit=True)
        yield task
        DB.session.remove()


def links_of(page):
    return {element.attributes.get("href") for element in page.all("a")}


def has_refresh(page):
    return any(
        meta.attributes.get("http-equiv") == "refresh" for meta in page.all("meta")
    )


def test_a_running_task_looks_again_by_itself(client, visit, task):
    assert has_refresh(visit(client, f"/tasks/{task.id}/"))


def rest_of(page):
    return [each.text for each in page.all("p") if each.attributes.get("id") == "idle"]


def test_a_task_that_nobody_works_on_says_so(make_client, visit):
    broker = {"broker_url": "redis://127.0.0.1:9/0", "result_backend": "cache+memory://"}
    client = make_client(TESTING=False, CELERY=broker)
    with client.application.app_context():
        DB.create_all()
        task = ProcessingTask(task_name="test")
        task.save(commit=True)
        (text,) = rest_of(visit(client, f"/tasks/{task.id}/"))
        assert "save_task_result" in text
        task.add_next_step("/step/", "/step-ui/", "the-step", commit=True)
        assert rest_of(visit(client, f"/tasks/{task.id}/")) == []
        task.clear_previous_step(commit=True)
        assert rest_of(visit(client, f"/tasks/{task.id}/")) != []
        life_cycle.mark_queued(task.id)
        assert rest_of(visit(client, f"/tasks/{task.id}/")) == []
        life_cycle.succeed(task.id)
        assert rest_of(visit(client, f"/tasks/{task.id}/")) == []


def test_where_messages_are_not_watched_nothing_is_said_of_them(client, visit, task):
    assert rest_of(visit(client, f"/tasks/{task.id}/")) == []


def test_a_waiting_task_leads_to_the_form_of_its_step(client, visit, task):
    task.add_next_step("/step/", "/step-ui/", "the-step", commit=True)

    page = visit(client, f"/tasks/{task.id}/")

    assert "http://localhost/step-ui/" in links_of(page)
    assert not has_refresh(page)


def test_a_finished_task_leads_to_its_files_and_shows_its_log(
    client, visit, task, tmp_path
):
    task_id = task.id
    client.application.config["FILE_STORE_ROOT_PATH"] = str(tmp_path / "files")
    with client.application.test_request_context():
        STORE.persist_task_result(task_id, "<b>", "a.txt", "entity/list", "text/plain")
    task.add_task_log_entry("<script>alert(1)</script>")
    task.task_status, task.finished_at = "SUCCESS", task.started_at
    task.save(commit=True)
    (output,) = client.get(f"/tasks/{task_id}/").json["outputs"]

    page = visit(client, f"/tasks/{task_id}/")

    assert output["href"] in links_of(page)
    assert output.keys() == {"href", "dataType", "contentType", "name"}
    (facts,) = [each.text for each in page.one("ul", class_="outputs").all("li")]
    assert "3 Bytes" in facts and sha256(b"<b>").hexdigest() in facts
    assert not has_refresh(page)
    assert not foreign_scripts(page)
    assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Task failed with ValueError: <b>\nTraceback (most ...", "ValueError: <b>"),
        ("Task failed: its worker has died.", "its worker has died."),
        ("Task failed, and its worker left no record.", "its worker left no record."),
    ],
)
def test_a_failed_task_says_why_at_once(client, visit, task, line, reason):
    task.add_task_log_entry("Begun.")
    task.add_task_log_entry(line)
    task.task_status, task.finished_at = "FAILURE", task.started_at
    task.save(commit=True)
    page = visit(client, f"/tasks/{task.id}/")
    assert page.one("p", class_="task-reason").words == reason


@pytest.mark.parametrize("accept", ["*/*", "application/json", None])
def test_programs_get_json(client, task, accept):
    headers = {} if accept is None else {"Accept": accept}

    response = client.get(f"/tasks/{task.id}/", headers=headers)

    assert response.json["status"] == "PENDING"
    assert "Accept" in response.vary
