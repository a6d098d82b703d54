"""The database cuts connections, crashes, and is locked."""

import sqlite3
from contextlib import closing, contextmanager

import psycopg
import pytest
import requests
from helpers.faults import PATIENCE
from helpers.processes import wait_until


@pytest.fixture
def uri(site):
    return site.environment().get("SQLALCHEMY_DATABASE_URI", "")


@contextmanager
def connected(uri):
    with psycopg.connect(uri.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


@pytest.fixture
def run(site):
    """A task that runs until it is let go."""
    run = site.submit("wait")
    run.wait_until_started()
    yield run
    run.let_go()


def assert_succeeded(run):
    status = run.ended()
    assert (status["state"], status["log"]) == ("succeeded", "waited")


@pytest.mark.fault("The database closes all connections", "tasks end normally")
# SQLite has no connections that could be cut.
@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_a_task_outlives_the_connections_to_the_database(site, run, uri):
    with connected(uri) as connection:
        cut = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> %s AND "
        )
        own = connection.info.backend_pid
        connection.execute(cut + "datname = current_database()", [own])
    run.let_go()
    wait_until(lambda: site.answers(run), PATIENCE, "the web server is connected again")
    assert_succeeded(run)
    assert site.submit("greet").ended()["state"] == "succeeded"


@pytest.mark.fault("The database is locked while a task ends", "it ends afterward")
def test_a_task_ends_when_the_lock_of_its_row_is_released(site, run, uri):
    if uri:
        with connected(uri) as connection, connection.transaction():
            connection.execute(
                'SELECT id FROM "ProcessingTask" WHERE id = %s FOR UPDATE', [run.id]
            )
            run.let_go()
            wait_until(lambda: waits_for_lock(uri), PATIENCE, "the worker waits")
            assert run.status()["status"] == "PENDING"
    else:
        path = site.product.instance / "qhana_plugin_runner.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            run.let_go()
            run.wait_until_left()
            assert run.status()["status"] == "PENDING"
            connection.execute("ROLLBACK")
    assert_succeeded(run)


@pytest.mark.fault("PostgreSQL crashes and restarts", "tasks end normally")
@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_tasks_outlive_a_crash_of_postgresql(site, run, postgresql_server):
    postgresql_server.crash()
    try:
        submit = f"{site.product.url}plugins/trouble@v1-0-0/process/"
        data = {"what": "greet", "gate": str(site.folder / "gate")}
        for answer in (
            requests.get(run.url, timeout=30),
            requests.post(submit, data=data, timeout=30),
        ):
            assert answer.status_code == 503
            assert "Traceback" not in answer.text and answer.json()["code"] == 503
        run.let_go()
        run.wait_until_left()
    finally:
        postgresql_server.start()
    wait_until(lambda: site.answers(run), PATIENCE, "the web server is connected")
    assert_succeeded(run)
    after = site.submit("greet")
    assert after.ended()["state"] == "succeeded"
    # What was submitted meanwhile is nowhere.
    newest = [(task["id"], task["status"]) for task in site.tasks()[:2]]
    assert newest == [(after.id, "SUCCESS"), (run.id, "SUCCESS")]


def waits_for_lock(uri):
    with connected(uri) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return connection.execute(query).fetchone()[0] > 0
