"""What probes, load balancers and monitoring get."""

import threading

import pytest
from helpers.runner import runner

from qhana_plugin_runner.api import health
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.operations.health import CHECKS, Check, Outcome, running

POD = {"HTTP_HOST": "10.42.0.7:8080", "SERVER_NAME": "127.0.0.1"}
"""A probe sends the address of the pod, whatever the web server listens on."""

ELSEWHERE = {"REMOTE_ADDR": "10.0.0.1"}


@pytest.fixture
def checks(app):
    """Give an app other checks than those of the table."""

    def checks(*checks):
        running.use_checks(app, checks)

    return checks


def look():
    return Outcome("2 facts")


def test_liveness_looks_at_nothing(client, checks):
    asked = []
    checks(Check("a", "A", lambda: asked.append(1)))
    answer = client.get("/health/live")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert not asked


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_probes_get_an_answer_at_any_host_and_pages_no_details(client, checks, path):
    checks(Check("a", "A", look))
    answer = client.get(path, environ_overrides=POD)
    assert answer.status_code == 200
    assert "facts" not in answer.text
    assert client.get("/plugins/", environ_overrides=POD).status_code == 421


def test_details_are_for_this_machine(client, checks):
    checks(Check("a", "A", look))
    here, elsewhere = (
        client.get("/health/ready"),
        client.get("/health/ready", environ_overrides=ELSEWHERE),
    )
    assert elsewhere.get_json() == {"status": "ok", "checks": {"a": {"status": "ok"}}}
    a = {"status": "ok", "facts": "2 facts", "problems": []}
    assert here.get_json()["checks"] == {"a": a}


def fail():
    raise OSError("postgresql://me:hunter2@db/ is away")


@pytest.mark.parametrize(
    ("is_vital", "status", "code"), [(True, "unavailable", 503), (False, "degraded", 200)]
)
def test_only_what_is_vital_takes_a_process_out_of_service(
    client, checks, is_vital, status, code
):
    checks(
        Check("a", "A", fail, "Start it.", is_vital=is_vital),
        Check("b", "B", look, needs="a"),
    )
    answer = client.get("/health/ready")
    found = answer.get_json()
    assert (answer.status_code, found["status"]) == (code, status)
    (problem,) = found["checks"]["a"]["problems"]
    assert problem["cure"] == "Start it."
    assert "db/ is away" in problem["cause"]
    assert "hunter2" not in answer.text
    assert found["checks"]["b"]["status"] == "unknown"


def test_a_check_that_hangs_is_not_started_again(client, checks, monkeypatch):
    monkeypatch.setattr(running, "DEADLINE", 0.1)
    monkeypatch.setattr(running, "MAX_AGE_OF_PROBLEMS", 0)
    asked = []
    answer = threading.Event()

    def ask():
        asked.append(1)
        answer.wait(60)
        return Outcome()

    checks(Check("hanging", "Hanging", ask, is_vital=True, max_age=0, patience=0))
    for _ in range(2):
        assert client.get("/health/ready").status_code == 503
    assert len(asked) == 1
    answer.set()
    monkeypatch.setattr(running, "DEADLINE", 60)
    assert client.get("/health/ready").status_code == 200


def test_results_are_cached_and_what_is_mended_is_soon_seen(client, checks, monkeypatch):
    asked = []

    def ask():
        asked.append(1)
        if len(asked) == 1:
            raise OSError("away")
        return Outcome()

    checks(Check("a", "A", ask, is_vital=True))
    for _ in range(3):
        assert client.get("/health/ready").status_code == 503
    assert len(asked) == 1
    monkeypatch.setattr(running, "MAX_AGE_OF_PROBLEMS", 0)
    monkeypatch.setattr(running, "PART_FOR_PROBLEMS", 0)
    for _ in range(3):
        assert client.get("/health/ready").status_code == 200
    assert len(asked) == 2


def test_a_result_from_a_time_when_nobody_asked_is_none(app):
    """Not even when it was good: what has happened since then is told at once."""
    seen = []

    def count():
        seen.append(threading.Event().wait(0.01))
        return Outcome(f"look {len(seen)}")

    health = running.Health(app, [Check("a", "A", count, max_age=0, patience=0)])
    found = [health.results(60)["a"].outcome.facts for _ in range(3)]
    assert found == ["look 1", "look 2", "look 3"]


def test_what_has_failed_counts_until_something_is_known_to_work(app):
    """As for connections that are refused only after a time-out, over and over."""
    times_out, answers, began = threading.Event(), threading.Event(), []

    def ask():
        began.append(1)
        if len(began) == 2:
            times_out.wait(60)
            raise OSError("no answer")
        if len(began) == 3:
            answers.wait(60)
        return Outcome()

    health = running.Health(app, [Check("a", "A", ask, max_age=0, patience=600)])
    assert health.results(60)["a"].status == "ok"
    assert health.results(0)["a"].status == "ok", "it may only be busy"
    times_out.set()
    health._runs["a"].done.wait(60)
    assert health.results(0)["a"].status == "unavailable"
    answers.set()
    health._runs["a"].done.wait(60)
    assert len(began) == 3
    assert health.results(0)["a"].status == "ok"


def test_with_tokens_an_answer_waits_for_no_database_that_is_away(
    app, checks, monkeypatch
):
    monkeypatch.setitem(app.config, "AUTH_MODE", "token")
    monkeypatch.setattr(health, "may_see_details", fail)
    checks(Check("database", "Database", fail, is_vital=True))
    answer = app.test_client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.get_json()["checks"]["database"] == {"status": "unavailable"}


def test_with_tokens_probes_need_none(tmp_path):
    with runner(tmp_path, AUTH_MODE="token") as app:
        answer = app.test_client().get("/health/ready")
        assert answer.status_code == 200
        assert answer.get_json()["checks"]["database"] == {"status": "ok"}


def test_an_old_schema_takes_a_process_out_of_service(tmp_path):
    with runner(tmp_path) as app:
        client = app.test_client()
        assert client.get("/health/ready").status_code == 200
        with app.app_context():
            DB.drop_all()
        running.use_checks(app, CHECKS)  # forgets what it has found
        answer = client.get("/health/ready")
    assert answer.status_code == 503
    (problem,) = answer.get_json()["checks"]["schema"]["problems"]
    assert "no such table" in problem["cause"]
    assert "flask db upgrade" in problem["cure"]
