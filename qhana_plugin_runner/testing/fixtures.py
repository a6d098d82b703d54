"""Fixtures for tests of plugins. A test module asks for them by one line::

    pytest_plugins = ["qhana_plugin_runner.testing.fixtures"]

``app``, ``client`` and ``task_data`` are those of the original runner.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ..db.models.tasks import ProcessingTask
from ..storage import STORE
from ..storage.registry import FileStoreRegistry
from .data_server import DataServer, serving_data
from .running import Runs, plugin_app

__all__ = [
    "LiveRunner",
    "app",
    "client",
    "fake_data_server",
    "live_runner",
    "plugin_folders",
    "run_plugin",
    "stores",
    "task_data",
]


@pytest.fixture(scope="module")
def plugin_folders(request: pytest.FixtureRequest) -> list[str]:
    """The plugins that are served, as in ``PLUGIN_FOLDERS``. A test may have its own.

    Those of ``--qhana-plugin``, else of the variable ``PLUGIN_FOLDERS``, else the plugin that the
    test lies beside, or in.
    """
    if given := request.config.getoption("qhana_plugin", []):
        return [os.path.abspath(path) for path in given]
    if variable := os.environ.get("PLUGIN_FOLDERS"):
        return variable.split(":")
    folder = request.path.parent
    if folder.name == "tests":
        folder = folder.parent
    while (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    return [str(folder)]


@pytest.fixture(scope="module")
def app(plugin_folders: list[str]) -> Iterator[Flask]:
    """The runner with the plugins, an empty database, and its context."""
    with plugin_app(plugin_folders) as app, app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Flask's test client of the app."""
    return app.test_client()


@pytest.fixture
def task_data() -> Iterator[ProcessingTask]:
    """A saved task in an app of its own, without plugins, and its context."""
    with plugin_app([]) as app, app.app_context():
        task = ProcessingTask(task_name="test-data")
        task.save(commit=True)
        yield task


@pytest.fixture
def fake_data_server() -> Iterator[DataServer]:
    """A web server for input files: ``url = fake_data_server.put("a,b", "x.csv")``."""
    with serving_data() as data:
        yield data


@pytest.fixture
def run_plugin(app: Flask, fake_data_server: DataServer) -> Runs:
    """Run a plugin here, without broker and worker: ``run_plugin("hello-world", input_str="you")``.

    The task comes back with ``outputs``, ``log``, ``steps`` and ``answer``; what fails is raised.
    See :class:`.running.Runs`.
    """
    return Runs(app, fake_data_server)


@pytest.fixture
def stores(app: Flask) -> FileStoreRegistry:
    """The file stores of the app; ``stores["local_filesystem"]`` is one of them."""
    return STORE


class LiveRunner:
    """The whole product as a process of its own.

    Attributes:
        url: of its root; ends with ``/``
        lines: what it has written so far
    """

    def __init__(self, instance: Path, folders: list[str], seconds: float = 120) -> None:
        self.url = ""
        self.lines: list[str] = []
        self._ready: SimpleQueue[str] = SimpleQueue()
        command = [sys.executable, "-m", "qhana_plugin_runner", "run", "--port", "0"]
        variables = {**os.environ, "PLUGIN_FOLDERS": ":".join(folders), "BROKER_URL": ""}
        self._process = subprocess.Popen(
            [*command, "--instance", str(instance)],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url = self._ready.get(timeout=seconds)
        except Empty:
            pass
        if not self.url:
            self.stop()
            raise RuntimeError(f"the runner is not ready:\n{''.join(self.lines)}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self.lines.append(line)
                _, found, url = line.partition("ready: http")
                if found:
                    self._ready.put(f"http{url.strip()}")
        self._ready.put("")

    def stop(self) -> None:
        """Stop it, and wait until it has."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()


@pytest.fixture(scope="module")
def live_runner(
    plugin_folders: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveRunner]:
    """The real product with the plugins, on a free port of this machine."""
    folder = tmp_path_factory.mktemp("live-runner")
    runner = LiveRunner(folder / "instance", plugin_folders)
    yield runner
    runner.stop()
