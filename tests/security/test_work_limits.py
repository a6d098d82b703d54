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
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.errors import RunnerError
from qhana_plugin_runner.tasking.temp_files import working_folder
from qhana_plugin_runner.tasks import save_task_error, save_task_result

SECONDS = 60

PLUGINS = [str(Path(__file__).with_name("work"))]

SETTINGS = {}


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
