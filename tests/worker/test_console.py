"""What tasks print is on their consoles, each on its own, whatever kind of worker runs them."""

import importlib.util
from pathlib import Path

import pytest
from helpers.processes import wait_until
from helpers.runner import runner
from helpers.services import worker

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import save_task_error, save_task_result

SECONDS = 60

TALK = str(Path(__file__).with_name("talk"))


@pytest.fixture
def app(tmp_path, broker_url):
    celery = {"broker_url": broker_url, "result_backend": broker_url}
    with runner(tmp_path, CELERY=celery, PLUGIN_FOLDERS=[TALK]) as app:
        yield app
        CELERY.close()


def begin(names, folder):
    ids = {}
    for name in names:
        task = ProcessingTask("talk@v1.talk")
        task.save(commit=True)
        arguments = {"name": name, "others": names, "folder": str(folder)}
        work = CELERY.signature("talk@v1.talk", kwargs={"db_id": task.id, **arguments})
        work |= save_task_result.s(db_id=task.id)
        work.link_error(save_task_error.s(db_id=task.id))
        work.apply_async()
        ids[name] = task.id
    return ids


def console_of(client, task_id):
    """Return the whole console of a task that has ended."""

    def part():
        return client.get(f"/tasks/{task_id}/console/").get_json()

    wait_until(lambda: part()["finished"], SECONDS, f"the end of task {task_id}")
    return part()["text"]


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent", "solo"])
def test_each_task_has_its_own_console(app, tmp_path, broker_url, pool):
    if pool == "gevent" and importlib.util.find_spec("gevent") is None:
        pytest.skip("gevent is not installed: scripts/environment main test")
    names = ["bad alone"] if pool == "solo" else ["bad one", "good two"]
    arguments = ["--pool", pool, "--concurrency", "2"]
    with (
        worker(tmp_path, broker_url, [TALK], *arguments),
        app.app_context(),
    ):
        ids = begin(names, tmp_path)
        client = app.test_client()
        consoles = {name: console_of(client, ids[name]) for name in names}
    log = (tmp_path / "worker.log").read_text("utf-8")
    for name, text in consoles.items():
        lines = text.splitlines()
        assert lines[:2] == [f"I am {name}", f"error of {name}"]
        warning, _line = lines[2:4]
        assert warning.endswith(f"UserWarning: a warning of {name}")
        assert f"WARNING any: logged by {name}" in lines
        assert f"WARNING talk: told by {name}" in lines
        assert lines[-2:] == ["password: ***", f"the end of {name}"]
        # Which task a thread works for is known where there is only one.
        assert (f"a thread of {name}" in lines) == (pool == "prefork")
        assert f"a child of {name}" not in lines and f"a child of {name}\n" in log
        assert f" [task {ids[name]} talk@v1] told by {name}" in log
        for line in (f"I am {name}", f"a thread of {name}", f"the end of {name}"):
            assert line in log
        assert len(lines) == (9 if pool == "prefork" else 8)
