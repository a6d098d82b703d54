"""The database is upgraded while web servers and workers of the release before work."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from contextlib import ExitStack, contextmanager

import pytest
import requests
from helpers.databases import DATABASES, empty_database
from helpers.faults import (
    PATIENCE,
    PLUGINS,
    SHORT_LEASE,
    Run,
    running,
    start,
    wait_until_said,
)
from helpers.load import Load
from helpers.product import CHECKOUT, outside_environment
from helpers.receiver import receiving
from helpers.services import broker
from helpers.sockets import free_port

RELEASED = "924e783f267accf388bb0fafa0f964302f845f92"
"""The commit of version 1.0.0. A clone may have no tags."""

PARTS = ("qhana_plugin_runner", "migrations", "tasks.py", "pyproject.toml")


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The folder with the release before."""
    git = ["git", "archive", "--format=tar", RELEASED, *PARTS]
    archive = subprocess.run(git, cwd=CHECKOUT, capture_output=True)
    if archive.returncode:
        pytest.skip(f"no git history: {os.fsdecode(archive.stderr).strip()}")
    folder = tmp_path_factory.mktemp("released")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as file:
        file.extractall(folder, filter="data")
    return folder


class Version:
    """One version of the runner: its commands, with the settings that all of them share."""

    def __init__(self, checkout, folder, environment, queue):
        self._checkout, self._folder, self._environment = checkout, folder, environment
        self.queue, self._port = queue, free_port()
        self.url = f"http://127.0.0.1:{self._port}/"

    def upgrade(self):
        with self._invoke("upgrade-db") as (process, log):
            assert process.wait(PATIENCE) == 0, log.read_text()

    @contextmanager
    def web(self):
        options = ("start-gunicorn", "--port", f"{self._port}", "--workers", "1")
        with self._invoke(*options) as started:
            yield wait_until_said(*started, "Booting worker")[0]

    @contextmanager
    def worker(self):
        queues = f"qhana_plugin_runner,{self.queue}"
        options = ("worker", "--queues", queues, "--concurrency", "2")
        with self._invoke(*options) as started:
            yield wait_until_said(*started, " ready.")[0]

    def _invoke(self, *arguments):
        command = [sys.executable, "-m", "invoke", *arguments]
        return running(command, self._folder, self._environment, self._checkout)

    def submit(self, what, how="chain", queue=None, path="process/"):
        """Start a task; return it as this version tells of it."""
        return self.seen(start(self.url, self._folder, path, what, how, queue))

    def seen(self, run):
        """Return a task as this version tells of it."""
        return Run(f"{self.url}tasks/{run.id}/", run.gate)

    def go_on(self, run):
        """Send the input of the step of a task."""
        return self.submit("greet", queue=self.queue, path=f"{run.id}/step/")


# By these names, the tests are not among those that share one product, and take turns.
@pytest.fixture(params=DATABASES, ids=[f"on-{name}" for name in DATABASES])
def versions(request, tmp_path, released):
    """The release before, and this version, on one database and one broker."""
    with ExitStack() as stack:
        url = stack.enter_context(broker(tmp_path / "broker"))
        uri = f"sqlite:///{tmp_path}/runner.db"
        if request.param == "postgresql":
            server = request.getfixturevalue("postgresql")
            uri = stack.enter_context(empty_database(server))
        (tmp_path / "config.json").write_text(json.dumps(SHORT_LEASE))
        environment = outside_environment(
            QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path),
            SQLALCHEMY_DATABASE_URI=uri,
            BROKER_URL=url,
            RESULT_BACKEND=url,
            PLUGIN_FOLDERS=str(PLUGINS),
            TASK_SHUTDOWN_SECONDS="20",
        )
        yield (
            Version(released, tmp_path, environment, "old"),
            Version(CHECKOUT, tmp_path, environment, "new"),
        )


def works(web, worker, other, receiver):
    """Use one version's web server and the other's worker; look with either."""
    run = web.submit("wait", queue=worker.queue)
    answer = run.command("subscribe", webhookHref=f"{receiver.url}/{run.id}")
    assert answer.status_code == 200, answer.text
    run.wait_until_started()
    run.let_go()
    assert other.seen(run).ended()["log"] == "waited"
    stepping = web.submit("greet", "step", queue=worker.queue)
    stepping.wait_for_state("waiting")
    assert [step["stepId"] for step in other.seen(stepping).status()["steps"]] == ["one"]
    other.go_on(stepping)
    assert stepping.ended()["log"] == "hello\nhello"
    cancelled = web.submit("wait", queue=worker.queue)
    cancelled.wait_until_started()
    other.seen(cancelled).cancel()
    assert cancelled.ended()["state"] == "cancelled"
    failed = web.submit("raise_unusual", queue=worker.queue)
    assert "unusual" in other.seen(failed).ended()["log"]
    return run


@pytest.mark.fault(
    "The database is upgraded and all processes are replaced by the next version, under load",
    "each request gets a response, each task runs once",
)
def test_an_upgrade_loses_nothing(versions, tmp_path):
    old, new = versions
    with receiving() as receiver, ExitStack() as stack:
        old.upgrade()
        old_parts = [stack.enter_context(start()) for start in (old.web, old.worker)]
        assert requests.get(f"{old.url}health/live", timeout=60).status_code == 404
        person = old.submit("wait", "step first")
        kept = old.submit("wait", queue="old")
        urls = [old.url]
        with Load(tmp_path, urls, watched=person) as load:
            load.go_on()
            new.upgrade()
            load.go_on()
            called = [works(old, old, old, receiver)]
            stack.enter_context(new.web())
            stack.enter_context(new.worker())
            assert requests.get(f"{new.url}health/live", timeout=60).status_code == 200
            urls.append(new.url)
            load.go_on()
            called += [works(old, new, new, receiver), works(new, old, old, receiver)]
            kept.let_go()
            assert new.seen(kept).ended()["state"] == "succeeded"
            # When it is stopped, version 1.0 resets connections that it has not accepted.
            urls.remove(old.url)
            load.go_on()
            for part in old_parts:
                part.send_signal(signal.SIGTERM)
                assert part.wait(PATIENCE) == 0
                load.go_on()
        for run in load.runs:
            run.url = new.seen(run).url
        load.assert_nothing_lost()
        new.go_on(person)
        assert new.seen(person).ended()["state"] == "succeeded"
        calls = [receiver.next_call()[1] for _ in range(2 * len(called))]
        assert sorted(calls) == sorted(2 * [f"/hook/{run.id}" for run in called])
        assert not receiver.called()
