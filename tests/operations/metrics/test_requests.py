"""What one app tells at `/metrics`: to whom, how, and with which labels."""

import threading

import pytest
from helpers.databases import on_each_database
from helpers.metrics import values_of
from helpers.runner import runner
from helpers.worker import NO_BROKER
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from sqlalchemy import event

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.operations.metrics import gauges
from qhana_plugin_runner.operations.metrics.definitions import METRICS
from qhana_plugin_runner.tasking import life_cycle


def scrape(client, **headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


def changed(client, *requests):
    """Return which numbers of requests have changed by some, and by how much."""
    before = values_of(scrape(client).text)
    for method, path in requests:
        client.open(path, method=method)
    now = values_of(scrape(client).text)
    return {
        key[1:]: now[key] - before.get(key, 0)
        for key in now
        if key[0] == "qhana_http_requests_total"
        and now[key] != before.get(key, 0)
        and key[-1] != "/metrics"
    }


def test_requests_are_counted_by_route_and_not_by_what_clients_choose(client):
    requests = [("GET", f"/tasks/{number}/") for number in range(3)]
    requests += [("GET", f"/nothing/{number}") for number in range(4)]
    requests += [("MAKE-UP", "/plugins/"), ("GET", "/plugins"), ("POST", "/plugins/")]
    assert changed(client, *requests) == {
        ("404", "GET", "/tasks/<string:task_id>/"): 3,
        ("404", "GET", "unmatched"): 4,
        ("405", "other", "unmatched"): 1,
        ("308", "GET", "unmatched"): 1,
        ("405", "POST", "unmatched"): 1,
    }


def test_what_is_refused_before_any_view_is_counted_as_it_is_answered(app, tmp_path):
    with runner(tmp_path, ALLOWED_HOSTS=["own.example"]) as strict:
        client = strict.test_client()
        found = changed(client, ("GET", "http://strange.example/plugins/"))
        assert found == {("421", "GET", "/plugins/"): 1}


def test_each_has_a_line_of_the_table_and_its_labels(client, task):
    life_cycle.succeed(task.id)
    text = scrape(client, Accept="application/openmetrics-text; version=1.0.0").text
    rows = {metric.name: metric for metric in METRICS}
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        row = rows[name]
        assert (family.type, family.documentation) == (row.kind, row.text)
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == set(row.labels)


def test_formats_are_those_that_prometheus_asks_for(client):
    plain = scrape(client)
    assert plain.content_type.startswith("text/plain; version=0.0.4")
    assert "# EOF" not in plain.text
    openmetrics = scrape(client, Accept="application/openmetrics-text; version=1.0.0")
    assert openmetrics.content_type.startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


@on_each_database
def test_database_and_metrics_agree(app, client, monkeypatch):
    before = values_of(scrape(client).text)
    monkeypatch.setattr(gauges, "MIN_AGE", 0.0)
    monkeypatch.setattr(gauges, "MAX_SHARE", 1e9)
    app.extensions["qhana_metrics"]._registries.clear()
    with app.app_context():
        tasks = [ProcessingTask("a-task") for _ in range(6)]
        for task in tasks:
            task.save(commit=True)
        life_cycle.succeed(tasks[0].id)
        life_cycle.fail(tasks[1].id, "no")
        life_cycle.fail(tasks[1].id, "once more")
        life_cycle.mark_lost(tasks[2].id, "gone")
        life_cycle.request_cancel(tasks[3].id)
        life_cycle.succeed(tasks[3].id)
        tasks[4].task_status, tasks[4].finished_at = "SUCCESS", utc_now()
        DB.session.commit()
        ended = ProcessingTask("an-upload", task_status="SUCCESS", finished_at=utc_now())
        ended.save(commit=True)
        undone = ProcessingTask("never", task_status="SUCCESS", finished_at=utc_now())
        undone.save()
        DB.session.flush()
        DB.session.rollback()
        for size in (5, 7, None):
            TaskFile(
                tasks[0], "tag", "local_filesystem", "name", "{}", "a/b", size=size
            ).save(commit=True)
    now = values_of(scrape(client).text)
    expected = {"succeeded": 3, "failed": 1, "lost": 1, "cancelled": 1, "waiting": 1}
    for state in ("running", "queued", "cancelling", *expected):
        assert now["qhana_tasks", state] == expected.get(state, 0), state
    for state in ("succeeded", "failed", "lost", "cancelled"):
        key = ("qhana_tasks_ended_total", "runner", state)
        assert now[key] - before[key] == expected[state], state
    assert now["qhana_stored_bytes", "local_filesystem"] == 12
    assert now["qhana_webhook_calls_pending",] == 0


def test_the_database_is_asked_once_in_a_while_whatever_the_number_of_scrapers(
    app, client
):
    statements = []
    scrape(client)
    with app.app_context():
        event.listen(
            DB.engine, "before_cursor_execute", lambda *a: statements.append(a[2])
        )
    for _ in range(5):
        scrape(client)
    assert statements == []


def test_what_is_counted_is_told_while_database_and_broker_are_away(tmp_path):
    with runner(tmp_path, tables=False, TESTING=False, CELERY=NO_BROKER) as app:
        app.config["MAINTENANCE"] = False
        values = values_of(scrape(app.test_client()).text)
    assert values["qhana_service_up", "database"] == 0
    assert values["qhana_service_up", "broker"] == 0
    assert values["qhana_build_info", *_versions(values)] == 1
    assert not any(name[0] in ("qhana_tasks", "qhana_workers") for name in values)


def test_a_service_that_does_not_answer_is_away_and_hides_nothing_else(
    app, client, monkeypatch
):
    answers = threading.Event()
    read = gauges._of_database

    def hang(app):
        answers.wait()
        return read(app)

    monkeypatch.setattr(gauges, "_SERVICES", {"database": read, "broker": hang})
    monkeypatch.setattr(gauges, "PATIENCE", 0.0)
    app.extensions["qhana_metrics"]._registries.clear()
    try:
        for _ in range(3):
            values = values_of(scrape(client).text)
            assert values["qhana_service_up", "broker"] == 0
            assert ("qhana_build_info", *_versions(values)) in values
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("health-broker") == 1
    finally:
        answers.set()
    monkeypatch.setattr(gauges, "PATIENCE", 60.0)
    values = values_of(scrape(client).text)
    assert values["qhana_service_up", "broker"] == 1
    assert values["qhana_service_up", "database"] == 1
    app.extensions["qhana_metrics"]._registries.clear()


def _versions(values):
    return next(key[1:] for key in values if key[0] == "qhana_build_info")


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("192.0.2.7", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 403),
    ],
)
def test_an_open_runner_shows_metrics_on_its_machine_only(
    client, address, headers, status
):
    answer = client.get(
        "/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": address}
    )
    assert answer.status_code == status
    assert status == 200 or "the role read" in answer.json["message"]
