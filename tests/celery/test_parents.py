"""Tasks that start processes."""

import sys
from pathlib import Path

import pytest
from helpers.processes import is_alive, wait_until
from helpers.runner import runner
from helpers.services import broker, worker

from qhana_plugin_runner.celery import CELERY

SECONDS = 60

SQUARES = "[0, 1, 4, 9]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runner")


@pytest.fixture(scope="module", params=["prefork"])
def parents(tmp_path_factory, folder, request):
    """The tasks of the plugin, and a worker that does one at a time."""
    plugins = [str(Path(__file__).with_name("parents"))]
    options = ("--pool", request.param, "--concurrency", "1")
    with broker(tmp_path_factory.mktemp("broker")) as url:
        celery = {"broker_url": url, "result_backend": url}
        with runner(folder, CELERY=celery, PLUGIN_FOLDERS=plugins) as app:
            with worker(folder, url, plugins, *options), app.app_context():
                yield sys.modules["parents"]
            CELERY.close()


def result_of(task, *arguments):
    return task.s(*arguments, db_id=0).apply_async().get(timeout=SECONDS)


@pytest.mark.parametrize(
    "name, method", [("pool", "fork"), ("pool", "spawn"), ("executor", "forkserver")]
)
def test_a_task_may_start_processes(parents, name, method):
    assert result_of(getattr(parents, name), method) == SQUARES


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("leave_process", ["fork"]),
        ("leave_process", ["spawn"]),
        ("leave_program", []),
        ("leave_grandchild", []),
    ],
)
def test_what_a_task_leaves_ends_with_it(parents, name, arguments):
    pid = int(result_of(getattr(parents, name), *arguments))
    wait_until(lambda: not is_alive(pid), SECONDS, "the end of the process")
    assert result_of(parents.pool, "fork") == SQUARES


def test_a_pool_that_is_kept_for_the_next_task_does_not_hang_it(parents):
    assert result_of(parents.keep_pool) == SQUARES
    assert result_of(parents.keep_pool) == SQUARES


@pytest.mark.parametrize("parents", ["threads"], indirect=True)
def test_signals_to_what_is_started_in_a_thread_do_not_stop_the_worker(parents, folder):
    assert result_of(parents.pool, "fork") == SQUARES
    assert "Warm shutdown" not in (folder / "worker.log").read_text()
