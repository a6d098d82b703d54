"""``invoke worker`` behind a real broker, with each kind of pool."""

import importlib.util
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from celery import Celery
from helpers.processes import wait_until
from helpers.product import CHECKOUT, outside_environment
from helpers.runner import runner
from helpers.services import broker

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.virtual_plugins import PluginState

SECONDS = 60


@pytest.fixture(scope="module")
def broker_url(tmp_path_factory):
    with broker(tmp_path_factory.mktemp("broker")) as url:
        yield url


@pytest.fixture
def client(tmp_path, broker_url):
    """A client of an app that shares database, files and broker with the worker."""
    celery = {"broker_url": broker_url, "result_backend": broker_url}
    folders = [str(CHECKOUT / "plugins")]
    with runner(tmp_path, PLUGIN_FOLDERS=folders, CELERY=celery) as app:
        yield app.test_client()
    CELERY.close()


@pytest.fixture
def invoke_worker(tmp_path, broker_url):
    """Run ``invoke worker`` with further options in a ``with`` block, until Ctrl-C."""
    environment = outside_environment(
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path),
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/runner.db",
        BROKER_URL=broker_url,
        RESULT_BACKEND=broker_url,
        PLUGIN_FOLDERS=str(CHECKOUT / "plugins"),
    )
    log_path = tmp_path / "worker.log"

    @contextmanager
    def invoke_worker(*options, **variables):
        command = [sys.executable, "-m", "invoke", "worker", "--concurrency", "2"]
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [*command, *options],
                stdout=log,
                stderr=log,
                env={**environment, **variables},
                cwd=CHECKOUT,
                start_new_session=True,
            )

        def is_ready():
            assert process.poll() is None, "the worker has ended"
            return " ready." in log_path.read_text("utf-8")

        try:
            wait_until(is_ready, SECONDS, "the worker is ready")
            yield log_path
            # A terminal sends Ctrl-C to all processes in it.
            os.killpg(process.pid, signal.SIGINT)
            process.wait(SECONDS)
        except BaseException:
            print(log_path.read_text("utf-8"))
            raise
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    return invoke_worker


def greet(client, name):
    """Run hello-world to its end and return the status of the task."""
    process = "/plugins/hello-world@v1-0-0/process/"
    answer = client.post(process, data={"inputStr": name})
    assert answer.status_code == 303, answer.text
    status = {}

    def has_ended():
        status.update(client.get(answer.location).get_json())
        return status["status"] != "PENDING"

    wait_until(has_ended, SECONDS, "the end of the task")
    return status


DEFAULT = {"qhana_plugin_runner"}


@pytest.mark.parametrize(
    "pool, options, variables, queues",
    [
        ("prefork", "", {}, DEFAULT),
        ("threads", "", {"CELERY_WORKER_POOL": "threads"}, DEFAULT),
        ("solo", "--pool solo --watch --name worker-1@%h", {}, DEFAULT),
        ("gevent", "--pool gevent --queues", {}, DEFAULT | {"second"}),
    ],
    ids=["prefork", "threads", "solo-watched", "gevent-with-two-queues"],
)
def test_each_kind_of_pool_brings_a_task_to_success(
    client, invoke_worker, broker_url, pool, options, variables, queues
):
    if pool == "gevent" and importlib.util.find_spec("gevent") is None:
        pytest.skip("gevent is not installed: scripts/environment main test")
    arguments = options.split()
    arguments += [", ".join(queues)] if queues != DEFAULT else []
    with invoke_worker(*arguments, **variables):
        status = greet(client, pool)
        with Celery(
            broker=broker_url, backend=broker_url, set_as_current=False
        ) as workers:
            ask = workers.control.inspect(timeout=SECONDS, limit=1)
            ((name, stats),) = ask.stats().items()
            (taken,) = ask.active_queues().values()
    assert name.partition("@")[0] == ("worker-1" if "--name" in options else "celery")
    assert {queue["name"] for queue in taken} == queues
    assert (status["status"], status["log"]) == ("SUCCESS", f"Hello {pool}!")
    (output,) = status["outputs"]
    assert client.get(output["href"], buffered=True).text == f"Hello {pool}!"
    module = pool.removesuffix("s")
    assert stats["pool"]["implementation"] == f"celery.concurrency.{module}:TaskPool"


def test_the_demo_plugin_for_periodic_tasks_runs_by_itself_when_asked(
    client, tmp_path, invoke_worker
):
    folder = tmp_path / "plugins"
    folder.mkdir()
    source = (CHECKOUT / "plugins" / "periodic_task.py").read_text("utf-8")
    assert "\nEVERY = 3600 " in source
    plugin = source.replace("\nEVERY = 3600 ", "\nEVERY = 0.1 ")
    (folder / "periodic_task.py").write_text(plugin, "utf-8")

    def noted():
        with client.application.app_context():
            return PluginState.get_value("periodic-task@v1-0-0", "last run", None)

    options = ("--pool", "threads", "--periodic-scheduler")
    with invoke_worker(*options, PLUGIN_FOLDERS=str(folder)) as log:
        wait_until(noted, SECONDS, "the time that the task notes")
        first = noted()
        wait_until(lambda: noted() != first, SECONDS, "the task to run again")
        assert "beat: Starting" in log.read_text("utf-8")
    assert list(tmp_path.glob("celerybeat-schedule*"))


def test_a_pool_that_does_not_exist_is_refused(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "invoke", "worker", "--pool", "swimming"],
        env=outside_environment(QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path)),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2
    assert "there is no pool 'swimming'" in result.stderr
