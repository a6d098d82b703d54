"""Set-ups that are broken, with real parts: the check names the cause, and the cure."""

import re
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import time_machine
from helpers.plugins import plugin_source
from helpers.processes import wait_until
from helpers.runner import runner
from helpers.services import broker, worker
from redis import Redis

from qhana_plugin_runner.operations.health import CHECKS, host, running
from qhana_plugin_runner.tasking.broker import in_flight
from qhana_plugin_runner.tasking.in_flight import Report

TASK = """
    from qhana_plugin_runner.celery import CELERY

    @CELERY.task(name=f"{IDENTIFIER}.work")
    def work(db_id):
        return ""
"""


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory):
    """The URL of a broker whose settings the tests may change."""
    with broker(tmp_path_factory.mktemp("own-broker")) as url:
        yield url


@pytest.fixture
def changed(own_broker):
    """Change settings of the broker for a test."""
    with Redis.from_url(own_broker, decode_responses=True) as client:
        before = {}

        def change(**settings):
            for name, value in settings.items():
                name = name.replace("_", "-")
                before.update(client.config_get(name))
                client.config_set(name, value)

        yield change
        for name, value in before.items():
            client.config_set(name, value)


def settings_of(url):
    return {"TESTING": False, "CELERY": {"broker_url": url, "result_backend": url}}


def look(app, *names):
    """Return the problems that some checks find now, as texts by the name of the check."""
    checks = [check for check in CHECKS if check.name in names]
    with app.app_context():
        found = running.Health(app, checks).results(60)
        return {
            name: "\n".join(
                f"{problem.status} {problem.cause} {problem.cure}"
                for problem in result.outcome.problems
            )
            for name, result in found.items()
        }


@pytest.fixture
def with_broker(tmp_path, own_broker):
    with runner(tmp_path, **settings_of(own_broker)) as app:
        yield app
        in_flight(app).client.connection_pool.disconnect()


def test_a_broker_as_it_should_be(with_broker):
    assert look(with_broker, "broker") == {"broker": ""}


@pytest.mark.parametrize(
    ("settings", "cause", "cure"),
    [
        ({"appendonly": "no", "save": ""}, "queued", "appendonly yes"),
        (
            {"maxmemory_policy": "allkeys-lru"},
            "allkeys-lru",
            "maxmemory-policy noeviction",
        ),
        (
            {"maxmemory_policy": "volatile-ttl"},
            "volatile-ttl",
            "maxmemory-policy noeviction",
        ),
    ],
    ids=str,
)
def test_a_broker_that_loses_messages(with_broker, changed, settings, cause, cure):
    changed(**settings)
    found = look(with_broker, "broker")["broker"]
    assert found.startswith("degraded")
    assert cause in found and cure in found


def test_a_broker_that_is_almost_full(with_broker, changed):
    used = in_flight(with_broker).client.info("memory")["used_memory"]
    changed(maxmemory=int(used * 1.05))
    found = look(with_broker, "broker")["broker"]
    assert "MiB" in found and "Increase `maxmemory`" in found


def test_a_broker_that_tells_this_account_nothing_of_itself(tmp_path, own_broker):
    with Redis.from_url(own_broker) as client:
        client.acl_setuser(
            "guest",
            enabled=True,
            passwords=["+secret"],
            keys=["*"],
            channels=["*"],
            categories=["+@all"],
            commands=["-info", "-config"],
        )
        url = re.sub("//:.*@", "//guest:secret@", own_broker)
        with runner(tmp_path, **settings_of(url)) as app:
            found = look(app, "broker", "queues")
            in_flight(app).client.connection_pool.disconnect()
        client.acl_deluser("guest")
    assert found == {"broker": "", "queues": ""}


def test_snapshots_are_persistence_too(with_broker, changed):
    changed(appendonly="no", save="60 1")
    assert look(with_broker, "broker") == {"broker": ""}


def test_a_broker_that_is_a_replica(with_broker, own_broker, unused_port):
    with Redis.from_url(own_broker) as client:
        client.replicaof("127.0.0.1", unused_port)
        try:
            found = look(with_broker, "broker")["broker"]
        finally:
            client.replicaof("NO", "ONE")
    assert found.startswith("unavailable")
    assert "replica" in found and "primary" in found


def test_a_broker_that_is_down_or_wants_another_password(
    tmp_path, own_broker, unused_port
):
    wrong = re.sub("//:.*@", "//:not-the-password@", own_broker)
    for url, cause in (
        (f"redis://127.0.0.1:{unused_port}/0", "Connection refused"),
        (wrong, "invalid username-password"),
    ):
        with runner(tmp_path, **settings_of(url)) as app:
            found = look(app, "broker", "workers", "clocks", "secret_key")
        assert found["broker"].startswith("unavailable")
        assert cause in found["broker"] and "BROKER_URL" in found["broker"]
        assert "Broker is unavailable" in found["workers"]
        assert found["clocks"] == found["secret_key"] == ""


def test_a_database_that_is_down(tmp_path, unused_port):
    url = f"postgresql+psycopg://me:hunter2@127.0.0.1:{unused_port}/qhana"
    with runner(tmp_path, tables=False, SQLALCHEMY_DATABASE_URI=url) as app:
        found = look(app, "database", "schema", "storage", "clocks")
    assert found["database"].startswith("unavailable")
    assert "Connection refused" in found["database"]
    assert "SQLALCHEMY_DATABASE_URI" in found["database"]
    assert "hunter2" not in str(found)
    assert "Database is unavailable" in found["schema"]
    assert found["clocks"] == ""


@pytest.mark.parametrize(
    ("statement", "status", "words"),
    [
        ("ALTER TABLE ProcessingTask DROP COLUMN attempt", "unavailable", "attempt"),
        ("DROP TABLE MaintenanceLease", "unavailable", "MaintenanceLease"),
        ("UPDATE alembic_version SET version_num = 'ff55b6ebbbd7'", "degraded", "ff55b6"),
        ("UPDATE alembic_version SET version_num = 'of-later'", "ok", "of-later"),
    ],
    ids=["column", "table", "earlier", "later"],
)
def test_a_schema_of_another_version(tmp_path, statement, status, words):
    with runner(tmp_path) as app:
        with closing(sqlite3.connect(tmp_path / "runner.db")) as database:
            database.execute("CREATE TABLE alembic_version (version_num TEXT)")
            database.execute("INSERT INTO alembic_version VALUES ('ff55b6ebbbd7')")
            database.execute(statement)
            database.commit()
        found = look(app, "schema")["schema"]
    assert found.startswith(status)
    assert words in found
    assert ("flask db upgrade" in found) == (status != "ok")


def test_a_file_store_that_cannot_be_written(tmp_path):
    (tmp_path / "a-file").touch()
    with runner(tmp_path, FILE_STORE_ROOT_PATH=f"{tmp_path}/a-file") as app:
        found = look(app, "storage")["storage"]
    assert found.startswith("unavailable")
    assert "a-file" in found and "FILE_STORE_ROOT_PATH" in found


def test_a_file_store_that_works_is_left_empty(app):
    assert look(app, "storage") == {"storage": ""}
    assert not list(Path(app.config["FILE_STORE_ROOT_PATH"]).iterdir())


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({}, ""),
        ({"S3_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"S3_ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId"),
    ],
    ids=["right", "secret", "key"],
)
def test_a_bucket(tmp_path, s3_settings, settings, cause):
    settings = {"DEFAULT_FILE_STORE": "s3", **s3_settings, **settings}
    with runner(tmp_path, **settings) as app:
        found = look(app, "storage")["storage"]
    if cause:
        assert found.startswith("unavailable")
        assert cause in found and "S3_BUCKET" in found
    else:
        assert found == ""


def test_a_port_that_is_in_use(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("SERVER_PORT", str(other.getsockname()[1]))
        monkeypatch.setattr(host, "SECONDS", 0.2)
        (problem,) = host.look_at_port().problems
        assert "Another program" in str(problem.cause)
        assert "SERVER_PORT" in str(problem.cure)


def test_a_clock_that_is_wrong(with_broker):
    assert look(with_broker, "clocks") == {"clocks": ""}
    with time_machine.travel(host.time.time() + 60, tick=True):
        found = look(with_broker, "clocks")["clocks"]
    assert "broker differs" in found and "-60." in found
    assert "timedatectl" in found


def test_a_disk_that_is_almost_full(app, monkeypatch):
    assert look(app, "disk") == {"disk": ""}
    monkeypatch.setattr(host, "ROOM", 1 << 62)
    monkeypatch.setattr(host, "SHARE", 2)
    found = look(app, "disk")["disk"]
    assert "MiB left" in found and "flask clean-up" in found


def test_folders_that_nobody_can_look_at(app, monkeypatch):
    hidden = (
        f"{app.instance_path}/{'x' * 300}/files"  # stat() fails, as without permission
    )
    monkeypatch.setitem(app.config, "FILE_STORE_ROOT_PATH", hidden)
    app.extensions["qhana_metrics"]._registries.clear()
    client = app.test_client()
    assert look(app, "disk") == {"disk": ""}
    assert client.get("/status").status_code == 200
    assert client.get("/metrics").status_code == 200


def test_proxies_that_nobody_has_named(app):
    client = app.test_client()
    client.get(
        "/health/live",
        headers={"X-Forwarded-For": "9.9.9.9"},
        environ_overrides={"REMOTE_ADDR": "9.9.9.9"},
    )
    assert look(app, "proxies") == {"proxies": ""}, "a stranger could raise an alarm"
    client.get("/health/live", headers={"X-Forwarded-For": "9.9.9.9"})
    found = look(app, "proxies")["proxies"]
    assert "lists 1 addresses" in found
    assert "REVERSE_PROXY_COUNT" in found


def test_maintenance_that_nobody_does(with_broker):
    found = look(with_broker, "maintenance")["maintenance"]
    assert "lost-tasks" in found and "flask maintenance" in found


def test_plugins_that_are_not_served(plugins):
    plugins.write("broken.py", "import this_is_missing\n1 / 0")
    app = plugins.app(plugins.folder, "/gone")
    found = look(app, "plugins")["plugins"]
    assert "this_is_missing" in found
    assert "/gone does not exist" in found and "PLUGIN_FOLDERS" in found


@pytest.fixture
def served(plugins, own_broker):
    """An app with a plugin that has a task, which no worker has."""
    plugins.write("mine.py", plugin_source("mine", more=TASK))
    app = plugins.app(
        plugins.folder,
        TASK_QUEUES={"mine@*": "qhana_plugin_runner", "other@*": "others"},
        **settings_of(own_broker),
    )
    yield app
    in_flight(app).client.connection_pool.disconnect()


def test_no_worker(served):
    found = look(served, "workers")["workers"]
    assert found.startswith("unavailable") and "invoke worker" in found


def test_a_worker_that_is_set_up_in_another_way(served, tmp_path, own_broker):
    (tmp_path / "nothing").mkdir()
    folder = tmp_path / "worker"
    folder.mkdir()
    with worker(folder, own_broker, [tmp_path / "nothing"], "--pool", "solo"):
        registry = in_flight(served)
        wait_until(
            lambda: any(each.about for each in registry.introductions().values()),
            60,
            "the worker has told about itself",
        )
        found = look(served, "workers", "queues", "secret_key", "clocks")
    assert "mine@v1-0-0" in found["workers"]
    assert "PLUGIN_FOLDERS" in found["workers"]
    assert found["queues"] == ""
    assert "QHANA_SECRET_KEY" in found["secret_key"]
    assert found["clocks"] == ""


def test_a_queue_that_no_worker_takes_from(served):
    registry = in_flight(served)
    about = {"name": "w@h", "version": "0", "queues": ["slow"], "plugins": []}
    report = Report(registry.now(), set(), set())
    registry.heartbeat("w", 60, report)
    registry.introduce("w", about)
    try:
        found = look(served, "queues", "workers")
    finally:
        registry.unregister_worker("w")
    assert "queue qhana_plugin_runner" in found["queues"]
    assert "invoke worker --queues qhana_plugin_runner" in found["queues"]
    assert found["workers"].startswith("ok"), "another version is told, and no more"
