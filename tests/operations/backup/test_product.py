"""An instance at work is backed up, lost, and goes on somewhere else."""

import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
from contextlib import closing

import pytest
import requests
from helpers.faults import PATIENCE, PLUGINS, SHORT_LEASE, Run, Site
from helpers.processes import wait_until
from helpers.product import CHECKOUT, Product, outside_environment
from helpers.receiver import receiving

FOLDERS = f"{PLUGINS}:{CHECKOUT / 'tests' / 'security' / 'secret_plugins'}"


def flask(instance, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "qhana_plugin_runner", *arguments],
        cwd=CHECKOUT,
        env=outside_environment(
            QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(instance), PLUGIN_FOLDERS=""
        ),
        capture_output=True,
        text=True,
        timeout=120,
    )


def start_with_secret(site, secret):
    """Start a task that counts the letters of a secret, and then waits."""
    url = f"{site.product.url}plugins/two-steps@v1-0-0/"
    answer = requests.post(url, data={"password": secret}, timeout=30)
    task = f"{site.product.url}tasks/{answer.json()['id']}/"
    return Run(task, site.folder / f"secret-{secret}")


def subscribe(run, webhook):
    query = {"command": "subscribe", "webhookHref": webhook.url, "event": "status"}
    assert requests.post(run.url, json=query, timeout=30).ok


def rows(database, query):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def restored(tmp_path_factory):
    """The tasks of an instance, where a copy of it runs; the instance itself is gone."""
    folder = tmp_path_factory.mktemp("backup")
    with (
        receiving() as webhook,
        Site(folder, SHORT_LEASE, PLUGIN_FOLDERS=FOLDERS) as site,
    ):
        webhook.status = 503
        runs = {
            "finished": site.submit("save_file"),
            "failed": site.submit("raise_nul"),
            "step": start_with_secret(site, "four"),
        }
        runs["finished"].ended()
        runs["failed"].ended()
        runs["step"].wait_for_state("waiting")
        runs["running"] = site.submit("wait")
        runs["again"] = site.submit("wait_with_attempts")
        runs["running"].wait_until_started()
        runs["again"].wait_until_started()
        runs["queued"] = site.submit("save_file")
        runs["secret"] = start_with_secret(site, "secret")
        subscribe(runs["queued"], webhook)
        told = site.submit("greet", queue="nobody")
        subscribe(told, webhook)
        assert told.cancel().ok
        webhook.next_call()  # which has failed, and is repeated
        instance, archive = site.product.instance, folder / "backup.tar"
        late, is_made = [], threading.Event()

        def submit():
            while not is_made.is_set():
                late.append(site.submit("greet"))

        thread = threading.Thread(target=submit)
        thread.start()
        try:
            wait_until(lambda: len(late) > 3, PATIENCE, "some tasks are submitted")
            made = flask(instance, "backup", str(archive))
        finally:
            is_made.set()
            thread.join()
        site.product.kill()
        assert made.returncode == 0, made.stderr
        webhook.calls()
        webhook.status = 200
        shutil.rmtree(instance)
        for marks in folder.glob("*.started"):
            marks.unlink()
        elsewhere = folder / "elsewhere" / "instance"
        done = flask(elsewhere, "restore", str(archive))
        assert done.returncode == 0, done.stderr
        known = {id_ for (id_,) in rows(elsewhere / "qhana_plugin_runner.db", IDS)}
        environment = {"PLUGIN_FOLDERS": FOLDERS}
        with Product(elsewhere, "--concurrency", "2", environment=environment) as product:
            for run in (*runs.values(), told, *late):
                run.url = f"{product.url}tasks/{run.id}/"
            late = [run for run in late if run.id in known]
            yield {**runs, "late": late, "told": told, "archive": archive}, webhook


IDS = 'SELECT id FROM "ProcessingTask"'


def test_what_had_ended_is_as_it_was(restored):
    runs, _webhook = restored
    status = runs["finished"].status()
    assert status["state"] == "succeeded"
    file = requests.get(status["outputs"][0]["href"], timeout=30)
    assert file.text == "content"
    status = runs["failed"].status()
    assert status["state"] == "failed" and "inside" in status["log"]


def test_what_was_queued_runs_once(restored):
    runs, _webhook = restored
    status = runs["queued"].ended()
    assert status["state"] == "succeeded" and len(status["outputs"]) == 1
    assert len(runs["late"]) > 3  # submitted before or while the copy was made
    # The row of one may be in the copy, and its message sent a moment later: that one waits.
    cut = [run for run in runs["late"] if run.status()["state"] == "waiting"]
    assert len(cut) <= 1
    for run in runs["late"]:
        if run in cut:
            assert run.starts() == []
            continue
        assert run.ended()["state"] == "succeeded"
        assert len(run.starts()) == 1


def test_what_was_running_is_lost_or_starts_again(restored):
    runs, _webhook = restored
    status = runs["running"].ended()
    assert status["state"] == "lost" and "its worker has died" in status["log"]
    runs["again"].wait_until_started()
    runs["again"].let_go()
    assert runs["again"].ended()["state"] == "succeeded"
    assert len(runs["again"].starts()) == 1


def test_secrets_can_be_read(restored):
    runs, _webhook = restored
    for name, letters in (("step", "7 letters"), ("secret", "9 letters")):
        status = runs[name].wait_for_state("waiting")
        step = requests.compat.urljoin(runs[name].url, status["steps"][-1]["href"])
        assert requests.post(step, data={"code": "abc"}, timeout=30).ok
        status = runs[name].ended()
        assert status["state"] == "succeeded" and letters in status["log"]


def test_webhooks_are_called(restored):
    runs, webhook = restored
    wanted = {runs["told"].id, runs["queued"].id}
    called = set()
    while called != wanted:
        source, event = webhook.next_event()
        assert event == "status"
        called.add(int(source.rstrip("/").rpartition("/")[2]))


def test_the_archive_is_private_and_others_can_read_it(restored):
    archive = restored[0]["archive"]
    assert archive.stat().st_mode & 0o777 == 0o600
    folder = archive.with_name("extracted")
    subprocess.run(["tar", "xf", archive, f"--one-top-level={folder}"], check=True)
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True
    )
    with tarfile.open(archive) as tar:
        assert tar.getnames()[0] == "manifest.json"
