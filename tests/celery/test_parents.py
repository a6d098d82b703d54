"""Tasks that start processes, in a worker with a process for each task."""

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
def parents(tmp_path_factory):
    """The tasks of the plugin, for each of which the one process of a worker is there."""
    folder = tmp_path_factory.mktemp("runner")
    plugins = [str(Path(__file__).with_name("parents"))]
    with broker(tmp_path_factory.mktemp("broker")) as url:
        celery = {"broker_url": url, "result_backend": url}
        with runner(folder, CELERY=celery, PLUGIN_FOLDERS=plugins) as app:
            with worker(folder, url, plugins, "--concurrency", "1"), app.app_context():
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
