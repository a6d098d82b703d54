"""``flask doctor``: names the cause and the cure of what is wrong."""

import json
import os
import subprocess
import sys

import pytest
from helpers.product import CHECKOUT, outside_environment


def flask_doctor(folder, *arguments, **variables):
    """Run the command as an operator does; return its exit status and what it prints."""
    environment = outside_environment(
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(folder), FLASK_DEBUG="0", **variables
    )
    command = [sys.executable, "-m", "flask", "--app", "qhana_plugin_runner", "doctor"]
    run = subprocess.run(
        [*command, *arguments],
        env=environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in run.stdout + run.stderr, run.stderr
    return run.returncode, run.stdout


def test_a_setting_that_cannot_be_used_is_a_finding(tmp_path):
    status, text = flask_doctor(tmp_path, "--json", QHANA_SECRET_KEY="too-short")
    assert status == 1
    found = json.loads(text)
    assert found["status"] == "unavailable"
    (problem,) = found["checks"]["settings"]["problems"]
    assert "SECRET_KEY can be guessed" in problem["cause"]
    assert "secrets.token_hex" in problem["cause"]
    assert "too-short" not in text


@pytest.mark.parametrize(
    "command",
    [
        ["flask", "--app", "qhana_plugin_runner", "token", "create", "--name", "doctor"],
        ["celery", "-A", "qhana_plugin_runner.celery_worker", "worker", "-Q", "doctor"],
    ],
    ids=lambda command: command[0],
)
def test_others_stop_at_such_a_setting_also_when_they_name_a_doctor(tmp_path, command):
    environment = outside_environment(
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=os.fspath(tmp_path),
        FLASK_DEBUG="0",
        QHANA_SECRET_KEY="too-short",
    )
    run = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode not in (0, -9)
    last = run.stderr.strip().splitlines()[-1]
    assert "SECRET_KEY can be guessed" in last


def test_nothing_has_to_work(tmp_path, unused_port):
    url = f"postgresql://me:hunter2@127.0.0.1:{unused_port}/qhana"
    broker = f"redis://:hunter2@127.0.0.1:{unused_port}/0"
    status, text = flask_doctor(
        tmp_path, SQLALCHEMY_DATABASE_URI=url, BROKER_URL=broker, PLUGIN_FOLDERS="/gone"
    )
    assert status == 1
    assert "hunter2" not in text
    for words in ("unavailable Database", "Connection refused", "BROKER_URL", "/gone"):
        assert words in text, text
