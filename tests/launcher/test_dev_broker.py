"""The broker for development: in a container or in the background."""

import os
import subprocess
import sys

import pytest
import redis
from dotenv import dotenv_values
from helpers.processes import is_alive
from helpers.product import CHECKOUT, outside_environment

from qhana_plugin_runner.launcher import dev_broker
from qhana_plugin_runner.launcher.broker import HOST, EmbeddedBroker
from qhana_plugin_runner.launcher.errors import LauncherError, UsageError


@pytest.fixture
def port(tmp_path):
    return EmbeddedBroker(tmp_path / "only for a free port").port


@pytest.fixture
def background(tmp_path):
    broker = dev_broker.BackgroundBroker(tmp_path / "broker")
    yield broker
    broker.stop()


def test_the_background_broker_keeps_its_data_until_it_is_reset(background, port):
    with redis.Redis(HOST, port) as client:
        background.start(port)
        client.set("key", "value")
        assert background.stop()
        background.start(port)
        assert client.get("key") == b"value"
        background.reset()
        background.start(port)
        assert client.get("key") is None


def test_the_background_broker_ends_when_it_is_stopped(background, port, tmp_path):
    background.start(port)
    with redis.Redis(HOST, port) as client:
        pid = client.info("server")["process_id"]
    assert is_alive(pid)
    assert background.stop()
    assert not is_alive(pid)
    assert not background.stop()


def test_a_background_broker_is_started_once(background, port):
    background.start(port)
    with pytest.raises(
        UsageError, match="is running already: stop it with invoke stop-broker"
    ):
        background.start(port)


def test_another_broker_on_its_port_is_left_alone(background, port, tmp_path):
    other = dev_broker.BackgroundBroker(tmp_path / "other")
    background.start(port)
    background.stop()
    other.start(port)
    try:
        assert not background.stop()
        with redis.Redis(HOST, port) as client:
            assert client.ping()
    finally:
        other.stop()


# Stands for docker: keeps each call in a file, and answers like it.
ENGINE = """\
#!/bin/sh
echo "$@" >> "{calls}"
case $1 in
run) echo 0123abcd ;;
start) test ! -e "{calls}.gone" || {{ echo "no such container" >&2; exit 1; }} ;;
esac
"""


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A container engine, and the calls that it got."""
    program, calls = tmp_path / "engine", tmp_path / "calls"
    program.write_text(ENGINE.format(calls=calls))
    program.chmod(0o755)
    monkeypatch.setenv("DOCKER_CMD", str(program))
    monkeypatch.setenv("REDIS_CONTAINER_ID", "")
    return program, calls


def test_a_container_is_made_once_and_kept_in_the_env_file(engine, tmp_path, monkeypatch):
    _, calls = engine
    env_file = tmp_path / ".env"
    env_file.write_text("SECRET=1\n")

    def broker():
        kept = dotenv_values(env_file).get("REDIS_CONTAINER_ID", "")
        monkeypatch.setenv("REDIS_CONTAINER_ID", kept)
        found = dev_broker.dev_broker(tmp_path, tmp_path)
        calls.unlink(missing_ok=True)
        return found

    broker().start(6400)
    assert calls.read_text() == "run --detach --publish 127.0.0.1:6400:6379 redis\n"
    assert env_file.read_text() == "SECRET=1\nREDIS_CONTAINER_ID=0123abcd\n"
    broker().start(6400)
    assert calls.read_text() == "start 0123abcd\n"
    assert broker().stop()
    assert calls.read_text() == "stop 0123abcd\n"
    broker().reset()
    assert calls.read_text() == "rm --force --volumes 0123abcd\n"
    assert env_file.read_text() == "SECRET=1\n"
    assert not broker().stop()


def test_a_container_that_is_gone_is_named_with_the_way_out(
    engine, tmp_path, monkeypatch
):
    program, calls = engine
    monkeypatch.setenv("REDIS_CONTAINER_ID", "0123abcd")
    (tmp_path / "calls.gone").touch()
    with pytest.raises(LauncherError, match="no such container.*invoke reset-broker"):
        dev_broker.dev_broker(tmp_path, tmp_path).start(6400)


def test_without_an_engine_that_works_the_background_broker_is_used(
    tmp_path, monkeypatch
):
    for command in ("false", "/no/such/engine"):
        monkeypatch.setenv("DOCKER_CMD", command)
        broker = dev_broker.dev_broker(tmp_path, tmp_path)
        assert isinstance(broker, dev_broker.BackgroundBroker)


def invoke(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "invoke", *arguments],
        env=outside_environment(**environment),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_invoke_starts_and_stops_the_broker(tmp_path, port):
    environment = {
        "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER": str(tmp_path / "instance"),
        "DOCKER_CMD": "false",
        "REDIS_PORT": str(port),
    }
    started = invoke("start-broker", **environment)
    try:
        assert f"the broker runs on port {port}" in started.stdout
        with redis.Redis(HOST, port) as client:
            assert client.ping()
        again = invoke("start-broker", **environment)
        assert again.returncode == 1
        (line,) = again.stderr.splitlines()
        assert line.startswith("error: ") and "is running already" in line
    finally:
        stopped = invoke("stop-broker", **environment)
    assert stopped.stdout == "the broker has stopped\n"
    assert os.path.isdir(tmp_path / "instance" / "dev-broker")
    assert invoke("reset-broker", **environment).returncode == 0
    assert not os.path.exists(tmp_path / "instance" / "dev-broker")


def test_invoke_lists_the_tasks_of_the_contract():
    listed = invoke("--list").stdout.split()
    names = "start-broker stop-broker reset-broker worker celery-status celery-queues"
    names += " celery-inspect purge-task-queues start-gunicorn upgrade-db doc"
    assert set(names.split()) <= set(listed)
    options = "--pool --concurrency --dev --log-level --periodic-scheduler --watch"
    shown = invoke("worker", "--help").stdout
    assert all(option in shown for option in options.split())
    assert "--port" in invoke("start-broker", "--help").stdout
