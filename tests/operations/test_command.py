"""The jobs in processes of the product: ``flask maintenance``, or a web process."""

import shutil
import signal
import subprocess
import sys

import pytest
from helpers.processes import wait_until
from helpers.product import CHECKOUT, outside_environment
from helpers.runner import runner
from helpers.worker import NO_BROKER

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.leases import MaintenanceLease
from qhana_plugin_runner.launcher.commands import web_command
from qhana_plugin_runner.operations.jobs import JOBS

COMMAND = [sys.executable, "-m", "flask", "--app", "qhana_plugin_runner", "maintenance"]
WEB = web_command(bind="127.0.0.1:0", workers=1)


def environment_of(app, folder, **variables):
    return outside_environment(
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(folder),
        SQLALCHEMY_DATABASE_URI=app.config["SQLALCHEMY_DATABASE_URI"],
        BROKER_URL=NO_BROKER["broker_url"],
        RESULT_BACKEND=NO_BROKER["result_backend"],
        **variables,
    )


def holders():
    DB.session.rollback()
    return DB.session.query(MaintenanceLease.holder).all()


@pytest.mark.parametrize(
    "command, end, setting",
    [
        (COMMAND, signal.SIGTERM, "off"),  # which is for web processes
        (COMMAND, signal.SIGINT, "on"),
        (WEB, signal.SIGTERM, "on"),
    ],
)
def test_they_are_done_until_the_process_is_told_to_stop_and_their_leases_given_back(
    tmp_path, command, end, setting
):
    with runner(tmp_path) as app, app.app_context():
        environment = environment_of(
            app, tmp_path, PLUGIN_FOLDERS="", MAINTENANCE=setting
        )
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment)
        try:
            wait_until(lambda: len(holders()) == len(JOBS), 60, "all leases held")
            process.send_signal(end)
            assert process.wait(60) == 0
            assert holders() == []
        finally:
            process.kill()
            process.wait()


def test_it_fails_when_the_scheduler_of_periodic_tasks_does(tmp_path):
    schedule = tmp_path / "no such folder" / "schedule"
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    shutil.copy(CHECKOUT / "plugins" / "periodic_task.py", plugins)
    with runner(tmp_path) as app, app.app_context():
        result = subprocess.run(
            [*COMMAND, "--schedule", schedule],
            cwd=CHECKOUT,
            env=environment_of(app, tmp_path, PLUGIN_FOLDERS=str(plugins)),
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert result.returncode == 1
        assert "scheduler of periodic tasks has failed" in result.stderr
        assert holders() == []


def test_without_a_broker_for_all_processes_it_says_so(tmp_path):
    with runner(tmp_path) as app:
        result = app.test_cli_runner().invoke(args=["maintenance"])
    assert result.exit_code == 1
    assert "set BROKER_URL to a Redis server" in result.output
