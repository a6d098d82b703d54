"""Services, and what else is wrong, on the landing page."""

import socket
from pathlib import Path

import pytest
from celery.contrib.testing.worker import start_worker
from helpers.processes import wait_until
from helpers.runner import IN_MEMORY

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.operations.health import running, workers


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Wait for what the checks find, however busy this host is."""
    monkeypatch.setattr(running, "DEADLINE", 60)


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
    monkeypatch.setattr(workers, "PING_TIMEOUT", 60)
    # In memory, worker and page look for messages once a second, unless they are told otherwise.
    impatient = {**IN_MEMORY, "broker_transport_options": {"polling_interval": 0.01}}
    client = make_client(CELERY=impatient)
    with start_worker(CELERY, pool="solo", perform_ping_check=False):
        found = states(client)
    assert {name: found[name] for name in ("Database", "Broker", "Workers")} == {
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
    assert without_broker["Workers"] == "unknown: Broker is unavailable"


def test_a_broker_that_hangs_does_not_hold_up_the_page(
    make_client, states, silent_port, monkeypatch
):
    monkeypatch.setattr(running, "DEADLINE", 0.2)
    client = make_client(CELERY=redis_at(silent_port))

    assert states(client)["Broker"] == "being checked"
    wait_until(
        lambda: states(client)["Broker"] == "unreachable: no response in time",
        30,
        "the broker counts as unreachable",
    )
    wait_until(lambda: states(client)["Database"] == "works", 30, "the database works")


def test_a_database_without_tables_names_the_command(make_client, states):
    client = make_client()
    with client.application.app_context():
        DB.drop_all()

    found = states(client)

    assert found["Database"] == "works"
    assert "flask db upgrade" in found["Schema"]


def test_a_database_that_is_away_is_said_to_be(make_client, states):
    client = make_client()
    with client.application.app_context():
        DB.engine.dispose()
        path = DB.engine.url.database
    # A folder in place of the file cannot be opened.
    Path(path).unlink()
    Path(path).mkdir()

    assert states(client)["Database"] == "unreachable"
