"""Attacks by work: tasks without number, without end, and larger than the machine."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from helpers.processes import wait_until
from helpers.product import CHECKOUT
from helpers.runner import runner
from helpers.services import broker, worker

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.errors import RunnerError
from qhana_plugin_runner.tasking.limits import out_of_time
from qhana_plugin_runner.tasking.temp_files import working_folder
from qhana_plugin_runner.tasks import save_task_error, save_task_result

SECONDS = 60

PLUGINS = [str(Path(__file__).with_name("work"))]

MIB = 1024 * 1024

SETTINGS = {
    "TASK_MAX_MEMORY_BYTES": 200 * MIB,
    "TASK_MAX_RESULT_BYTES": MIB,
    "TASK_TIME_LIMIT_SECONDS": 6.0,
}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An app whose workers are started when a test needs them."""
    folder = tmp_path_factory.mktemp("runner")
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    with broker(tmp_path_factory.mktemp("broker")) as url, ExitStack() as workers:
        celery = {"broker_url": url, "result_backend": url}
        settings = {"TESTING": False, "CELERY": celery, "PLUGIN_FOLDERS": PLUGINS}
        with runner(folder, **settings, **SETTINGS) as app:
            started = {}

            def start(pool):
                if pool not in started:
                    options = ("--pool", pool, "--concurrency", "1", "--queues")
                    options += (f"{pool},qhana_plugin_runner", "--hostname", pool)
                    started[pool] = worker(folder, url, PLUGINS, *options)
                    workers.enter_context(started[pool])

            app.start = start
            yield app
            CELERY.close()


@pytest.fixture
def run(app):
    """Run a task of the plugin in a pool, and return its status."""

    def run(name, pool="prefork", **arguments):
        app.start(pool)
        with app.app_context():
            task = ProcessingTask(name)
            task.save(commit=True)
            number = task.id
            work = getattr(sys.modules["limits"], name).s(db_id=number, **arguments)
            work |= save_task_result.s(db_id=number)
            work.link_error(save_task_error.s(db_id=number))
            work.apply_async(queue=pool)
        client, url = app.test_client(), f"/tasks/{number}/"

        def has_ended():
            return client.get(url).get_json()["status"] != "PENDING"

        wait_until(has_ended, SECONDS, "the end of the task")
        return client.get(url).get_json()

    return run


class TestFilesInTheWorkingDirectory:
    """Two tasks of one plugin write to the same relative path; or one fills it for ever."""

    @pytest.mark.parametrize("pool", ["prefork", "solo", "threads"])
    def test_each_task_has_an_empty_folder_that_is_removed(self, run, pool):
        facts = [json.loads(run("look", pool)["log"]) for _ in range(2)]
        assert facts[0]["folder"] != facts[1]["folder"]
        for each in facts:
            assert each["found"] == [] and each["mode"] == 0o700
            wait_until(
                lambda: not Path(each["folder"]).parent.exists(), SECONDS, "removal"
            )
            is_alone = pool != "threads"
            assert each["cwd"] == (each["folder"] if is_alone else str(CHECKOUT))
            assert (each["tempdir"] == str(Path(each["folder"]).parent)) == is_alone

    def test_a_task_that_is_called_has_one_too(self, app):
        look = sys.modules["limits"].look
        facts = [
            json.loads(look(db_id=0)),
            json.loads(look.apply(kwargs={"db_id": 0}).get()),
        ]
        for each in facts:
            assert each["found"] == [] and not Path(each["folder"]).parent.exists()
        assert facts[0]["folder"] != facts[1]["folder"]
        with pytest.raises(RunnerError, match="only a task"):
            working_folder()

    def test_what_a_process_still_writes_is_removed_with_it(self, run):
        folder = Path(run("leave_writer")["log"])
        wait_until(lambda: not folder.parent.exists(), SECONDS, "removal of the folder")
        assert json.loads(run("look")["log"])["found"] == []


class TestMemoryBomb:
    """A task takes all memory, until the kernel kills the database."""

    @pytest.mark.parametrize("way", ["one large object", "many small objects", "numpy"])
    def test_it_fails_and_says_which_setting_it_was(self, run, way):
        status = run("take_memory", way=way)
        assert status["state"] == "failed"
        first = status["log"].split("\n")[0]
        assert "memory" in first and "TASK_MAX_MEMORY_BYTES" in first
        # The next task has as much as this one had.
        assert run("take_some")["state"] == "succeeded"

    def test_without_a_limit_it_does_not_end_the_worker_either(self, run):
        """Celery ends a worker at a ``MemoryError`` of a task."""
        status = run("take_memory", "solo", way="one large object")
        assert status["state"] == "failed"
        assert "not enough memory" in status["log"].split("\n")[0]
        assert run("take_some", "solo")["state"] == "succeeded"


class TestEndlessTask:
    def test_it_fails_and_says_which_setting_it_was(self, run):
        status = run("run_for_ever")
        assert status["state"] == "failed"
        assert "6.0 s (TASK_TIME_LIMIT_SECONDS)" in status["log"]

    def test_a_limit_of_the_plugin_is_called_so(self):
        text = out_of_time(2.0, {"TASK_TIME_LIMIT_SECONDS": 6.0})
        assert "2.0 s (time_limit of its Celery task)" in text


class TestFillingTheDisk:
    """A task stores results without end."""

    @pytest.mark.parametrize(
        "way", ["many small files", "temporary files", "one endless"]
    )
    def test_it_fails_and_says_which_setting_it_was(self, run, app, way):
        status = run("fill_store", way=way)
        assert status["state"] == "failed"
        first = status["log"].split("\n")[0]
        assert "ResultsTooLarge" in first and "TASK_MAX_RESULT_BYTES" in first
        with app.app_context():
            number = int(status["links"][0]["href"].rstrip("/").rpartition("/")[2])
            kept = TaskFile.query.filter_by(task_id=number).all()
            assert sum(file.size for file in kept) <= MIB
        folder = Path(app.config["FILE_STORE_ROOT_PATH"]) / f"task_{number}"
        found = [path for path in folder.rglob("*") if path.is_file()]
        assert len(found) == len(kept)
