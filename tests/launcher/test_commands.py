"""The command lines of the services, and the environment they are started in."""

import subprocess
import sys
from pathlib import Path

import pytest

from qhana_plugin_runner.launcher import commands, environment
from qhana_plugin_runner.launcher.errors import UsageError


def values(command, option):
    return [command[i + 1] for i, word in enumerate(command) if word == option]


def test_a_worker_is_prefork_and_takes_all_processors_but_at_most_eight(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    command = commands.worker_command()
    assert command[:3] == [sys.executable, "-m", "celery"]
    assert values(command, "--app") == ["qhana_plugin_runner.celery_worker:CELERY"]
    assert values(command, "--pool") == ["prefork"]
    assert values(command, "--concurrency") == ["8"]
    assert "--queues" not in command and "--beat" not in command
    assert "--without-mingle" not in command


def test_a_worker_can_be_told_everything():
    command = commands.worker_command(
        concurrency=3,
        pool="threads",
        queues=["a", "b"],
        log_level="debug",
        name="me@%h",
        schedule=Path("/x/schedule"),
        alone=True,
    )
    options = (
        "--concurrency",
        "--pool",
        "--queues",
        "--loglevel",
        "--hostname",
        "--schedule",
    )
    assert [values(command, option) for option in options] == [
        ["3"],
        ["threads"],
        ["a,b"],
        ["DEBUG"],
        ["me@%h"],
        ["/x/schedule"],
    ]
    assert {"--beat", "--without-gossip", "--without-mingle"} <= set(command)


def test_the_pool_is_that_which_was_asked_for_or_that_of_the_environment(monkeypatch):
    monkeypatch.delenv("CELERY_WORKER_POOL", raising=False)
    assert commands.worker_pool() == "prefork"
    monkeypatch.setenv("CELERY_WORKER_POOL", "threads")
    assert commands.worker_pool() == commands.worker_pool("") == "threads"
    assert commands.worker_pool("solo") == "solo"


def test_a_pool_whose_package_is_missing_is_told_with_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "gevent", None)
    with pytest.raises(UsageError, match=r"pip install gevent"):
        commands.worker_pool("gevent")


@pytest.mark.parametrize("extra", [{}, {"access_log": True}])
def test_gunicorn_understands_the_command_of_the_web_server(extra):
    command = commands.web_command(bind="127.0.0.1:5005", graceful_timeout=2, **extra)
    check = [*command[:-1], "--print-config", command[-1]]
    shown = subprocess.run(check, capture_output=True, text=True, timeout=60, check=True)
    settings = dict(
        map(str.strip, line.split("=", 1))
        for line in shown.stdout.splitlines()
        if "=" in line
    )
    assert settings["worker_class"].endswith(".WebWorker")
    assert settings["graceful_timeout"] == "2"
    assert settings["control_socket_disable"] == "True"
    assert settings["preload_app"] == "True"
    assert settings["accesslog"] == ("-" if extra else "None")
    assert command[-1] == "qhana_plugin_runner:create_app()"


def test_the_services_are_in_production_whatever_the_environment_says(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    monkeypatch.setenv("FLASK_ENV", "development")
    variables = environment.service_environment(tmp_path, debug=False)
    assert (variables["FLASK_DEBUG"], variables["FLASK_ENV"]) == ("0", "production")
    variables = environment.service_environment(tmp_path, debug=True)
    assert (variables["FLASK_DEBUG"], variables["FLASK_ENV"]) == ("1", "development")


def test_the_services_learn_of_the_embedded_broker(monkeypatch, tmp_path):
    monkeypatch.delenv("RESULT_BACKEND", raising=False)
    variables = environment.service_environment(
        tmp_path, debug=False, broker_url="redis://b"
    )
    assert variables["BROKER_URL"] == variables["RESULT_BACKEND"] == "redis://b"
    assert variables["QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER"] == str(tmp_path)


def test_a_result_backend_of_ones_own_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("RESULT_BACKEND", "redis://mine")
    variables = environment.service_environment(
        tmp_path, debug=False, broker_url="redis://b"
    )
    assert variables["RESULT_BACKEND"] == "redis://mine"


def test_variables_come_from_the_environment_then_env_then_flaskenv(
    monkeypatch, tmp_path
):
    for name in ("A", "B", "C"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("A", "outside")
    (tmp_path / ".env").write_text("A=env\nB=env\n")
    (tmp_path / ".flaskenv").write_text("A=flaskenv\nB=flaskenv\nC=flaskenv\n")
    environment.load_environment(tmp_path)
    found = [environment.os.environ[name] for name in ("A", "B", "C")]
    assert found == ["outside", "env", "flaskenv"]


def test_relative_plugin_folders_are_meant_from_where_one_is(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLUGIN_FOLDERS", "mine:/else/where")
    environment.load_environment(tmp_path / "project")
    assert environment.os.environ["PLUGIN_FOLDERS"] == f"{tmp_path}/mine:/else/where"


def test_the_instance_folder_is_asked_for_or_from_the_environment_or_in_the_project(
    monkeypatch, tmp_path
):
    name = environment.INSTANCE_VARIABLE
    monkeypatch.setenv(name, "/from/environment")
    assert environment.instance_folder(Path("/asked"), tmp_path) == Path("/asked")
    assert environment.instance_folder(None, tmp_path) == Path("/from/environment")
    monkeypatch.delenv(name)
    assert environment.instance_folder(None, tmp_path) == tmp_path / "instance"
