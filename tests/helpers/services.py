"""A real broker and a real worker, each a process of its own."""

import subprocess
import sys
from contextlib import contextmanager

import pytest
from helpers.processes import wait_until
from helpers.product import CHECKOUT, outside_environment
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from qhana_plugin_runner.launcher.broker import EmbeddedBroker

START_SECONDS = 60


@contextmanager
def broker(folder):
    """Run a Valkey server with its data in the folder, and yield its URL."""
    embedded = EmbeddedBroker(folder)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(embedded.command, stdout=log, stderr=log)
    try:
        with Redis.from_url(embedded.url, retry=Retry(NoBackoff(), 0)) as client:
            wait_until(lambda: _answers(client), START_SECONDS, "the broker answers")
        yield embedded.url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory):
    """The URL of a broker, which ends with the tests."""
    with broker(tmp_path_factory.mktemp("broker")) as url:
        yield url


def _answers(client):
    try:
        return client.ping()
    except RedisError:
        return False


@contextmanager
def worker(folder, broker_url, plugin_folders, *arguments, database=None):
    """Run a worker on the files in a folder (see ``helpers.runner``).

    The app of the test has to use the broker already.

    Args:
        database: URL of the database (default: that in the folder)
    """
    environment = outside_environment(
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(folder),
        SQLALCHEMY_DATABASE_URI=database or f"sqlite:///{folder}/runner.db",
        BROKER_URL=broker_url,
        RESULT_BACKEND=broker_url,
        PLUGIN_FOLDERS=":".join(map(str, plugin_folders)),
    )
    command = [sys.executable, "-m", "celery", "--app"]
    command += ["qhana_plugin_runner.celery_worker:CELERY", "worker"]
    command += ["--loglevel", "INFO", *arguments]
    log_path = folder / "worker.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, cwd=CHECKOUT
        )

    def is_ready():
        assert process.poll() is None, log_path.read_text()
        return " ready." in log_path.read_text("utf-8")

    try:
        wait_until(is_ready, START_SECONDS, "the worker is ready")
        yield
    except BaseException:
        print(log_path.read_text())
        raise
    finally:
        process.terminate()
        process.wait()
