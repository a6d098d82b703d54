"""The command that a container ends up with, from the variables that it is started with."""

import pytest
from helpers.dockerfile import OF_CONTAINERS

from qhana_plugin_runner.launcher.container import container_command
from qhana_plugin_runner.launcher.errors import UsageError


@pytest.fixture
def command(monkeypatch, tmp_path):
    for name in OF_CONTAINERS:
        monkeypatch.delenv(name, raising=False)

    def command(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return " ".join(container_command(tmp_path))

    return command


def test_it_is_a_server_unless_it_is_told_otherwise(command):
    assert "--bind 0.0.0.0:8080" in command()
    text = command(SERVER_PORT="9000", GUNICORN_WORKERS="3", DEFAULT_LOG_LEVEL="debug")
    assert "-m gunicorn" in text
    assert {"--bind 0.0.0.0:9000", "--workers 3", "--log-level debug"} <= parts(text)


def test_a_worker_has_the_pool_and_the_scheduler_that_are_asked_for(command, tmp_path):
    worker = {"CONTAINER_MODE": "worker", "CELERY_WORKER_POOL": "threads"}
    text = command(**worker, CONCURRENCY="3")
    assert {"--pool threads", "--concurrency 3", "--loglevel INFO"} <= parts(text)
    assert "--beat" not in text
    text = command(PERIODIC_SCHEDULER="true")
    assert f"--beat --schedule {tmp_path}" in text


@pytest.mark.parametrize(
    ("level", "name"),
    [("30", "WARNING"), ("WARN", "WARNING"), ("15", "DEBUG"), ("99", "CRITICAL")],
)
def test_levels_get_names_that_gunicorn_and_celery_know(command, level, name):
    assert f"--log-level {name.lower()} " in command(DEFAULT_LOG_LEVEL=level)
    assert f"--loglevel {name} " in command(CONTAINER_MODE="worker")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONTAINER_MODE", "servant"),
        ("SERVER_PORT", "70000"),
        ("GUNICORN_WORKERS", "0"),
        ("CONCURRENCY", "many"),
        ("PERIODIC_SCHEDULER", "perhaps"),
        ("DEFAULT_LOG_LEVEL", "loud"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(command, variable, value):
    mode = {"SERVER_PORT": "server", "GUNICORN_WORKERS": "server"}.get(variable, "worker")
    with pytest.raises(UsageError, match=variable):
        command(**{"CONTAINER_MODE": mode, variable: value})


def parts(text):
    """Return each option of a command with its value."""
    words = text.split()
    return {" ".join(pair) for pair in zip(words, words[1:])}
