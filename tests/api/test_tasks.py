"""``/tasks/<id>/`` as clients see it."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from helpers.databases import on_each_database

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import (
    TaskFile,
    TaskLink,
    TaskUpdateSubscription,
)
from qhana_plugin_runner.tasking import life_cycle

HOST = "http://localhost"


def get(client, task_id=1, **options):
    answer = client.get(f"/tasks/{task_id}/", **options)
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    return answer.get_json()


SUBSCRIBE_LINK = {"type": "subscribe", "href": f"{HOST}/tasks/1/"}


UTC_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def without_times(status):
    """Return a status without its times, which have to be UTC with microseconds."""
    times = {
        key: value
        for key, value in status.items()
        if key in ("createdAt", "startedAt", "finishedAt")
    }
    assert all(re.fullmatch(UTC_TIME, time) for time in times.values())
    return {key: value for key, value in status.items() if key not in times}


@on_each_database
def test_a_new_task_shows_only_what_there_is(client, task):
    status = get(client)
    assert without_times(status) == {
        "status": "PENDING",
        "state": "waiting",
        "attempt": 1,
        "log": "",
        "links": [SUBSCRIBE_LINK],
        "outputs": [],
    }
    assert "startedAt" not in status and "finishedAt" not in status


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE"])
def test_a_finished_task_shows_status_and_log(client, task, status):
    end = life_cycle.succeed if status == "SUCCESS" else life_cycle.fail
    end(task.id, "ünïcödé\nlog")
    shown = get(client)
    assert without_times(shown) == {
        "status": status,
        "state": "succeeded" if status == "SUCCESS" else "failed",
        "attempt": 1,
        "log": "ünïcödé\nlog",
        "links": [SUBSCRIBE_LINK],
        "outputs": [],
    }
    assert shown["createdAt"] <= shown["finishedAt"]


@on_each_database
def test_the_times_of_a_task_are_those_of_the_row_in_utc(client, task):
    made = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    task.started_at = made
    task.began_at = made + timedelta(seconds=1.5)
    task.plugin, task.attempt = "hello@v1-0-0", 2
    task.save(commit=True)
    task.finished_at = made + timedelta(days=1)
    task.save(commit=True)
    status = get(client)
    assert status["createdAt"] == "2026-01-02T01:04:05.000000Z"
    assert status["startedAt"] == "2026-01-02T01:04:06.500000Z"
    assert status["finishedAt"] == "2026-01-03T01:04:05.000000Z"
    assert (status["plugin"], status["attempt"]) == ("hello@v1-0-0", 2)


def test_a_task_that_finished_without_a_status_is_unknown(client, task):
    task.finished_at = datetime.now(UTC)
    task.save(commit=True)
    status = get(client)
    assert (status["status"], status["state"]) == ("UNKNOWN", "failed")


def test_a_task_that_a_view_finished_without_celery_is_finished(client, task):
    task.task_status = "SUCCESS"
    task.finished_at = datetime.now()
    task.save(commit=True)
    assert get(client)["status"] == "SUCCESS"


def test_a_status_without_an_end_is_still_pending(client, task):
    task.task_status = "SUCCESS"
    task.save(commit=True)
    assert get(client)["status"] == "PENDING"


@pytest.mark.parametrize("value", [0, 50, -1.5])
def test_progress_is_shown_once_a_value_is_set(client, task, value):
    task.progress_value = value
    task.save(commit=True)
    assert get(client)["progress"] == {
        "value": value,
        "start": 0,
        "target": 100,
        "unit": "%",
    }


def test_progress_members_are_never_null(client, task):
    task.progress_value, task.progress_start = 1, None
    task.progress_target, task.progress_unit = None, None
    task.save(commit=True)
    assert None not in get(client)["progress"].values()


@on_each_database
@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_progress_that_json_cannot_express_is_not_shown(client, task, value):
    task.progress_value = value
    task.save(commit=True)
    assert "progress" not in get(client)


@on_each_database
def test_steps_are_listed_with_absolute_urls_and_never_removed(client, task):
    task.add_next_step("step/1/process/", "./step/1/ui/", "one")
    task.clear_previous_step()
    task.add_next_step(
        "/plugins/p@v1/2/process/", "https://host/ui/?a=b", "two", commit=True
    )
    one = {
        "href": f"{HOST}/tasks/1/step/1/process/",
        "uiHref": f"{HOST}/tasks/1/step/1/ui/",
        "stepId": "one",
        "cleared": True,
    }
    two = {
        "href": f"{HOST}/plugins/p@v1/2/process/",
        "uiHref": "https://host/ui/?a=b",
        "stepId": "two",
        "cleared": False,
    }
    assert get(client)["steps"] == [one, two]
    life_cycle.succeed(task.id)
    assert get(client)["steps"] == [one, {**two, "cleared": True}]


def test_urls_follow_the_address_that_the_client_used(client, task):
    task.add_next_step("process/", "ui/", "one", commit=True)
    status = get(client, base_url="https://qhana.example:8443/runner")
    base = "https://qhana.example:8443/runner/tasks/1/"
    assert status["links"][0]["href"] == base
    assert status["steps"][0]["href"] == base + "process/"


@on_each_database
def test_links_of_the_plugin_come_after_the_subscription(client, task):
    TaskLink(task, "preview", "/plugins/p@v1/preview/").save()
    TaskLink(task, "report", "https://host/").save()
    TaskLink(task, "odd", "http://[no-url").save(commit=True)
    assert get(client)["links"] == [
        SUBSCRIBE_LINK,
        {"type": "preview", "href": f"{HOST}/plugins/p@v1/preview/"},
        {"type": "report", "href": "https://host/"},
        {"type": "odd", "href": "http://[no-url"},
    ]


def add_files(task):
    for name, file_type, mimetype in [
        ("b.csv", "entity/list", "text/csv"),
        ("temporary", "temp-file", "text/csv"),
        ("untyped", None, "text/csv"),
        ("no mime type", "entity/list", None),
        ("empty type", "", "text/csv"),
        ("a.json", "entity/vector", "application/json"),
    ]:
        TaskFile(
            task, f"tag-{name}", "local_filesystem", name, "x", file_type, mimetype
        ).save()
    DB.session.commit()


@on_each_database
@pytest.mark.parametrize("end", [life_cycle.succeed, life_cycle.fail])
def test_outputs_appear_with_the_end_in_the_order_they_were_saved(client, task, end):
    add_files(task)
    assert get(client)["outputs"] == []
    end(task.id, "log")
    assert get(client)["outputs"] == [
        {
            "href": f"{HOST}/files/1/?file-id=tag-b.csv",
            "dataType": "entity/list",
            "contentType": "text/csv",
            "name": "b.csv",
        },
        {
            "href": f"{HOST}/files/6/?file-id=tag-a.json",
            "dataType": "entity/vector",
            "contentType": "application/json",
            "name": "a.json",
        },
    ]


ODD_IDS = [
    "abc",
    "-1",
    "0",
    "1.0",
    "1e0",
    "+1",
    "0x1",
    " 1",
    "٣",
    "²",
    "１",
    "None",
    "%00",
]
ODD_IDS += [str(2**31), str(2**63 - 1), str(2**63), str(2**70), "9" * 5000, "a" * 5000]


@on_each_database
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_id_that_cannot_be_is_not_found(client, task, method):
    body = {"json": COMMAND} if method == "post" else {}
    for task_id in ODD_IDS:
        answer = client.open(f"/tasks/{task_id}/", method=method.upper(), **body)
        assert answer.status_code == 404, task_id
        error = answer.get_json()
        assert (error["code"], error["status"]) == (404, "Not Found"), task_id
        assert error["message"], task_id
        assert len(answer.data) < 300, task_id


COMMAND = {"command": "subscribe", "webhookHref": "http://backend:9090/hook"}


def subscriptions():
    DB.session.rollback()
    return [
        (known.webhook_href, known.task_href, known.event_type)
        for known in DB.session.query(TaskUpdateSubscription).order_by("id")
    ]


def command(client, expected=200, **values):
    answer = client.post("/tasks/1/", json={**COMMAND, **values})
    assert answer.status_code == expected
    return answer.get_json()


@on_each_database
@pytest.mark.parametrize("event", ["status", "steps", "details", None])
def test_a_subscription_is_kept_once_and_answered_with_the_status(client, task, event):
    for _ in range(2):
        assert command(client, event=event) == get(client)
    hook = "http://backend:9090/hook"
    assert subscriptions() == [(hook, f"{HOST}/tasks/1/", event)]


@on_each_database
def test_a_subscription_without_event_is_to_all_events(client, task):
    command(client)
    command(client, event=None)
    command(client, event="status")
    assert [event for _, _, event in subscriptions()] == [None, "status"]


@on_each_database
def test_unsubscribing_ends_exactly_that_subscription(client, task):
    for event in (None, "status", "steps"):
        command(client, event=event)
    command(client, webhookHref="http://other/hook")
    command(client, command="unsubscribe")
    assert [event for _, _, event in subscriptions()] == ["status", "steps", None]
    command(client, command="unsubscribe", event="status")
    command(client, command="unsubscribe", event="details")
    assert [(hook, event) for hook, _, event in subscriptions()] == [
        ("http://backend:9090/hook", "steps"),
        ("http://other/hook", None),
    ]


@on_each_database
def test_unsubscribing_ends_a_subscription_that_came_in_twice(client, task):
    for _ in range(2):
        TaskUpdateSubscription(task, COMMAND["webhookHref"], "task").save(commit=True)
    command(client, command="unsubscribe")
    assert subscriptions() == []


def test_the_body_may_be_declared_in_capitals(client, task):
    body = '{"command": "subscribe", "webhookHref": "http://h/", "event": "steps"}'
    for number, declared in enumerate(
        ["application/JSON", "application/json; charset=utf-8", "APPLICATION/JSON"]
    ):
        data = body.replace("http://h/", f"http://h/{number}")
        answer = client.post("/tasks/1/", data=data, content_type=declared)
        assert answer.status_code == 200
        assert len(subscriptions()) == number + 1


def test_members_that_are_unknown_are_passed_over(client, task):
    command(client, more=1)
    assert len(subscriptions()) == 1


@pytest.mark.parametrize(
    "change, field",
    [
        ({"command": "restart"}, "command"),
        ({"command": None}, "command"),
        ({"command": ["subscribe"]}, "command"),
        ({"webhookHref": "no url"}, "webhookHref"),
        ({"webhookHref": ""}, "webhookHref"),
        ({"webhookHref": None}, "webhookHref"),
        ({"webhookHref": "file:///etc/passwd"}, "webhookHref"),
        ({"webhookHref": "http://x.example/\ud800"}, "webhookHref"),
        ({"webhookHref": "javascript:alert(1)"}, "webhookHref"),
        ({"webhookHref": "http://host/" + "x" * 500}, "webhookHref"),
        ({"event": "everything"}, "event"),
        ({"event": ""}, "event"),
        ({"event": 5}, "event"),
    ],
)
def test_a_command_that_cannot_be_used_is_answered_with_field_and_reason(
    client, task, change, field
):
    error = command(client, 422, **change)
    assert (error["code"], error["status"]) == (422, "Unprocessable Entity")
    assert list(error["errors"]["json"]) == [field]
    assert subscriptions() == []


@pytest.mark.parametrize("missing", COMMAND)
def test_a_command_needs_its_members(client, task, missing):
    body = {key: value for key, value in COMMAND.items() if key != missing}
    answer = client.post("/tasks/1/", json=body)
    assert answer.status_code == 422
    assert missing in answer.get_json()["errors"]["json"]


@pytest.mark.parametrize("body", ["[]", '"text"', "5", "null", '[{"command": "x"}]'])
def test_json_that_is_no_object_is_unprocessable(client, task, body):
    answer = client.post("/tasks/1/", data=body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.get_json()["errors"]


@pytest.mark.parametrize("body", ["", "{", "{'a': 1}", b"\xff\xfe{", "[" * 100_000])
def test_malformed_json_is_a_bad_request(client, task, body):
    answer = client.post("/tasks/1/", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)
    error = answer.get_json()
    assert error["code"] == answer.status_code and error["status"]
    assert error.get("message") or error.get("errors")


@pytest.mark.parametrize("declared", [None, "text/plain", "application/xml", "nonsense"])
def test_a_body_that_is_not_json_is_an_unsupported_media_type(client, task, declared):
    answer = client.post("/tasks/1/", data="{}", content_type=declared)
    assert answer.status_code == 415
    error = answer.get_json()
    assert (error["code"], error["status"]) == (415, "Unsupported Media Type")
    assert "application/json" in error["message"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_other_methods_are_not_allowed(client, task, method):
    answer = client.open("/tasks/1/", method=method)
    assert answer.status_code == 405
    assert answer.get_json()["code"] == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_head_and_options_are_answered(client, task):
    answer = client.head("/tasks/1/")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.mimetype == "application/json"
    assert client.head("/tasks/9/").status_code == 404
    answer = client.options("/tasks/1/")
    assert answer.status_code == 200
    assert {"DELETE", "GET", "HEAD", "OPTIONS", "POST"} == set(
        answer.headers["Allow"].split(", ")
    )


def test_without_the_last_slash_clients_are_sent_on_with_their_method(client, task):
    answer = client.post("/tasks/1", json=COMMAND, follow_redirects=True)
    assert answer.status_code == 200
    assert len(subscriptions()) == 1
