"""``{"command": "cancel"}``, as far as no worker is involved."""

from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle


def cancel(client, **values):
    return client.post("/tasks/1/", json={"command": "cancel", **values})


def test_a_task_of_which_nothing_is_under_way_ends_at_once(client, task):
    answer = cancel(client)
    assert answer.status_code == 200, answer.text
    status = answer.get_json()
    assert (status["status"], status["state"]) == ("FAILURE", "cancelled")
    assert "message" not in status
    assert status == client.get("/tasks/1/").get_json()


def test_a_task_that_has_ended_stays_as_it_is_and_this_is_said(client, task):
    life_cycle.succeed(1, "all well")
    before = client.get("/tasks/1/").get_json()
    status = cancel(client).get_json()
    assert "already finished" in status.pop("message")
    assert status == before


def test_a_second_cancel_changes_nothing(client, task):
    first = cancel(client).get_json()
    second = cancel(client).get_json()
    assert second.pop("message")
    assert second == first


def test_no_webhook_is_needed_and_one_is_passed_over(client, task):
    assert cancel(client, webhookHref="http://hook/", event="status").status_code == 200
    assert "subscriptions" not in client.get("/tasks/1/").get_json()
    assert ProcessingTask.get_by_id(1).subscriptions == []


def test_a_task_that_is_not_there_cannot_be_cancelled(client, task):
    answer = client.post("/tasks/9/", json={"command": "cancel"})
    assert answer.status_code == 404


def test_a_cancelled_task_can_be_removed(client, task):
    assert client.delete("/tasks/1/").status_code == 409
    cancel(client)
    assert client.delete("/tasks/1/").status_code == 204
    assert client.get("/tasks/1/").status_code == 404
