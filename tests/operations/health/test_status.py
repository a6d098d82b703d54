"""The status page."""

import pytest
from helpers.html_tree import read_html
from helpers.runner import runner

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask

BROWSER = {"Accept": "text/html"}


@pytest.fixture
def failed(context):
    for plugin in ("a@v1", "b@v1", "b@v1"):
        task = ProcessingTask(f"{plugin}.work", task_status="FAILURE", plugin=plugin)
        task.finished_at = utc_now()
        task.save(commit=True)


def test_failures_are_told_by_plugin(client, failed):
    found = client.get("/status").get_json()
    assert [(f["plugin"], f["count"], f["lastTask"]) for f in found["failures"]] == [
        ("b@v1", 2, 3),
        ("a@v1", 1, 1),
    ]
    page = client.get("/status", headers=BROWSER)
    assert page.status_code == 200
    assert "/tasks/3/" in page.text
    assert read_html(page.text).one("h1").words == "Status"


def test_it_is_for_this_machine_and_linked_only_there(client):
    elsewhere = {"REMOTE_ADDR": "10.0.0.1"}
    answer = client.get("/status", environ_overrides=elsewhere)
    assert answer.status_code == 403
    assert "127.0.0.1" in answer.get_json()["message"]
    assert "/status" in client.get("/", headers=BROWSER).text
    page = client.get("/", headers=BROWSER, environ_overrides=elsewhere)
    assert "/status" not in page.text


def test_it_is_shown_whatever_is_down(tmp_path, unused_port):
    broker = f"redis://127.0.0.1:{unused_port}/0"
    celery = {"broker_url": broker, "result_backend": broker}
    with runner(tmp_path, TESTING=False, CELERY=celery) as app:
        with app.app_context():
            DB.drop_all()
        page = app.test_client().get("/status", headers=BROWSER)
    assert page.status_code == 200
    assert "flask db upgrade" in page.text
    assert "BROKER_URL" in page.text
