"""Plugins written by the tests of the contract, served without a trace in later tests."""

from pathlib import Path

import pytest
from helpers.plugins import isolated_plugins
from helpers.processes import wait_until
from helpers.worker import QUICK, working

WRITTEN = Path(__file__).with_name("written_plugins")
SECONDS = 60


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An app with the plugins that are written out beside the tests."""
    folder = tmp_path_factory.mktemp("poet")
    with isolated_plugins(folder) as plugins:
        files = str(folder / "files")
        yield plugins.app(WRITTEN, CELERY=QUICK, FILE_STORE_ROOT_PATH=files)


@pytest.fixture(scope="module")
def worker(app):
    """A worker for the app, as plugins' own tests start it."""
    with working():
        yield


@pytest.fixture
def finished(worker, client):
    """Follow the redirect of a view to the task, and return its status when it has ended."""

    def finished(answer):
        assert answer.status_code == 303, answer.text
        status = {}

        def has_ended():
            status.update(client.get(answer.location).json)
            return status["status"] != "PENDING"

        wait_until(has_ended, SECONDS, "the end of the task")
        return status

    return finished


@pytest.fixture
def waiting(worker, client):
    """The same, when the task waits for the input of a step."""

    def waiting(answer):
        status = {}

        def has_open_step():
            status.update(client.get(answer.location).json)
            return not status.get("steps", [{"cleared": True}])[-1]["cleared"]

        wait_until(has_open_step, SECONDS, "a step")
        return status

    return waiting
