"""Health checks on the landing page."""

import socket
import threading
from pathlib import Path

import pytest
from celery.contrib.testing.worker import start_worker
from helpers.runner import IN_MEMORY

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.web.pages import health


@pytest.fixture
def silent_port():
    """A port that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def free_port():
    """A port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def states(visit):
    """Return what the page says about each service."""

    def states(client):
        listed = visit(client, "/").one("ul", class_="parts").all("li")
        return {
            each.one("strong").words: each.words.split(maxsplit=1)[1] for each in listed
        }

    return states


def redis_at(port):
    return {**IN_MEMORY, "broker_url": f"redis://127.0.0.1:{port}/0"}


def test_services_that_work_are_reported_as_working(make_client, states, monkeypatch):
    monkeypatch.setattr(health, "PING_TIMEOUT", 60)
    monkeypatch.setattr(health, "DEADLINE", 60)
    # In memory, worker and page look for messages once a second, unless they are told otherwise.
    impatient = {**IN_MEMORY, "broker_transport_options": {"polling_interval": 0.01}}
    client = make_client(CELERY=impatient)
    with start_worker(CELERY, pool="solo", perform_ping_check=False):
        assert states(client) == {
            "Database": "works",
            "Broker": "works",
            "Workers": "works",
        }


def test_missing_workers_are_told_from_a_missing_broker(make_client, states, free_port):
    without_workers = states(make_client())
    assert without_workers["Broker"] == "works"
    assert "no response" in without_workers["Workers"]

    without_broker = states(make_client(CELERY=redis_at(free_port)))
    assert without_broker["Broker"] == "unreachable"
    assert "broker is down" in without_broker["Workers"]


def test_a_broker_that_hangs_does_not_hold_up_the_page(
    make_client, states, silent_port, monkeypatch
):
    monkeypatch.setattr(health, "DEADLINE", 0.2)

    found = states(make_client(CELERY=redis_at(silent_port)))

    assert found["Broker"] == "unreachable: no response in time"
    assert found["Database"] == "works"


def test_a_check_that_hangs_is_not_started_again(monkeypatch, make_client):
    monkeypatch.setattr(health, "MAX_AGE", 0)
    monkeypatch.setattr(health, "DEADLINE", 0.1)
    asked = []
    answer = threading.Event()

    def ask(_app):
        asked.append(1)
        answer.wait(60)

    hanging = health.Check("hanging", "Hanging", ask)
    monkeypatch.setattr(health, "CHECKS", [hanging])
    with make_client().application.app_context():
        for _ in range(2):
            assert health.check_health()["hanging"].problem == hanging.timeout
        assert len(asked) == 1

        answer.set()
        monkeypatch.setattr(health, "DEADLINE", 60)
        assert health.check_health()["hanging"].problem is None


def test_a_database_without_tables_names_the_command(make_client, states):
    client = make_client()
    with client.application.app_context():
        DB.drop_all()

    assert "flask db upgrade" in states(client)["Database"]


def test_a_database_that_is_away_is_said_to_be(make_client, states):
    client = make_client()
    with client.application.app_context():
        DB.engine.dispose()
        path = DB.engine.url.database
    # A folder in place of the file cannot be opened.
    Path(path).unlink()
    Path(path).mkdir()

    assert states(client)["Database"] == "unreachable"
