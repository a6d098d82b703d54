"""The whole product: started, hurt and stopped."""

import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import closing

import pytest
import requests
from helpers.processes import is_alive, wait_until
from helpers.product import CHECKOUT, Product, outside_environment

from qhana_plugin_runner.operations.jobs import JOBS


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with Product(tmp_path_factory.mktemp("product") / "instance", first=True) as product:
        yield product


def get_json(url):
    with urllib.request.urlopen(url, timeout=20) as response:
        assert response.status == 200
        return json.load(response)


def submit_hello_world(product):
    """Start a task from its form; return the path of the task."""
    plugins = get_json(product.url + "plugins/")["plugins"]
    (root,) = [p["apiRoot"] for p in plugins if p["name"] == "hello-world"]
    form = urllib.parse.urlencode({"inputStr": "still there"}).encode()
    url = urllib.parse.urljoin(root + "/", "process/")
    with urllib.request.urlopen(url, data=form, timeout=20) as response:
        return urllib.parse.urlsplit(response.url).path  # the redirect was followed


def wait_for_success(product, task):
    url = urllib.parse.urljoin(product.url, task)
    wait_until(lambda: get_json(url)["status"] != "PENDING", 60, "the end of the task")
    assert get_json(url)["status"] == "SUCCESS", get_json(url)["log"]


def test_it_answers_and_has_all_services(product):
    assert "title" in get_json(product.url)
    wait_for_success(product, submit_hello_world(product))
    wait_until(lambda: "maintenance: started" in product.log, 60, "the maintenance")
    parts = product.pids()
    assert set(parts) == {"broker", "worker", "web", "maintenance"}
    assert all(pids[0] == os.getsid(pids[0]) for pids in parts.values())


def test_periodic_tasks_are_sent_by_the_maintenance_whatever_the_pool(tmp_path):
    pytest.importorskip("gevent")
    source = (CHECKOUT / "plugins" / "periodic_task.py").read_text("utf-8")
    assert "\nEVERY = 3600 " in source
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "often.py").write_text(
        source.replace("\nEVERY = 3600 ", "\nEVERY = 1 "), "utf-8"
    )
    shutil.copy(CHECKOUT / "plugins" / "hello.py", tmp_path / "plugins")
    environment = {"PLUGIN_FOLDERS": str(tmp_path / "plugins")}
    pool = ("--pool", "gevent")
    with Product(tmp_path / "instance", *pool, environment=environment) as product:
        sent = r"maintenance +\|.*Sending due task periodic-task@v1-0-0.note_time"
        wait_until(lambda: re.search(sent, product.log), 90, "a periodic task")
        wait_for_success(product, submit_hello_world(product))


def test_it_logs_the_command_of_each_service(product):
    services = {"broker": "valkey", "db": "flask", "worker": "celery", "web": "gunicorn"}
    for name, program in services.items():
        assert any(
            f"started {name} " in line and program in line
            for line in product.log.splitlines()
        )


def test_the_password_of_the_broker_is_nowhere_to_be_seen(product):
    text = (product.instance / "broker" / "valkey.conf").read_text()
    (password,) = [line.split()[1] for line in text.splitlines() if "requirepass" in line]
    assert password not in product.log
    listed = subprocess.check_output(["ps", "-eww", "-o", "args="], text=True)
    assert "celery" in listed
    assert password not in listed


def test_it_leaves_no_files_in_the_checkout(product):
    assert not list(CHECKOUT.glob("gunicorn*")) + list(CHECKOUT.glob("celerybeat*"))
    assert (product.instance / "qhana_plugin_runner.db").is_file()
    mode = (product.instance / "broker").stat().st_mode
    assert stat.S_IMODE(mode) == 0o700


def test_a_second_launcher_on_the_same_instance_is_refused(product):
    command = [sys.executable, "-m", "qhana_plugin_runner", "run", "--port", "0"]
    second = subprocess.run(
        [*command, "--instance", product.instance],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env=outside_environment(),
        timeout=60,
    )
    assert second.returncode == 2
    (line,) = second.stderr.splitlines()
    assert f"in use by another process ({product.process.pid})" in line


@pytest.mark.parametrize("part", ["web", "worker", "broker"])
def test_the_kill_of_a_part_is_survived(product, part):
    times = product.times_ready()
    before = product.pids()
    os.kill(before[part][0], signal.SIGKILL)
    product.wait_until_ready(times + 1)
    after = product.pids()
    assert {"broker", "worker", "web"} <= set(after)
    assert not any(is_alive(pid) for pid in before[part])
    others = {"broker", "worker", "web"} - {part}
    assert all(after[name][0] == before[name][0] for name in others)
    wait_for_success(product, submit_hello_world(product))


# A plugin whose task, started by a look at its page, sleeps for ever.
SLEEPER = """
import time
from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

BLP = SecurityBlueprint("sleeper@v1", __name__)

class Sleeper(QHAnaPluginBase):
    name, version, description, tags = "sleeper", "v1", "Sleeps.", []
    def get_api_blueprint(self):
        return BLP

@BLP.route("/")
def start():
    sleep.delay()
    return {}

@CELERY.task(name="sleeper.sleep")
def sleep():
    print("sleeping", flush=True)
    while True:
        time.sleep(1)
"""


class Restart:
    """The product, stopped while a task runs and others are queued, and started again.

    Attributes:
        instance: the instance folder
        first: the product that was stopped
        first_pids: its processes
        first_log: what it has written
        tasks: those that were queued
        leases: the holders of the leases of the maintenance before the stop, and after it
        configuration: that of the broker before the stop
        second: the product that runs
    """

    def __init__(self, folder):
        plugins = folder / "plugins"
        plugins.mkdir()
        (plugins / "sleeper.py").write_text(SLEEPER)
        self.instance = folder / "a folder" / "instance"
        environment = {"PLUGIN_FOLDERS": f"{plugins}:{CHECKOUT / 'plugins'}"}
        self._options = {"environment": environment}
        with self._started() as self.first:
            self.first_pids = self.first.pids()
            get_json(self.first.url + "plugins/sleeper@v1/")
            wait_until(lambda: "sleeping" in self.first.log, 30, "a task that runs")
            self.tasks = [submit_hello_world(self.first) for _ in range(4)]
            wait_until(lambda: len(self._holders()) == len(JOBS), 30, "all leases held")
            held = self._holders()
            self.configuration = self.read_configuration()
            self.first.stop()  # fails when it takes long, or a process is left
            self.leases = held, self._holders()
            self.first_log = self.first.log
        self.second = self._started(port=int(self.first.url.rsplit(":")[-1].strip("/")))

    def _started(self, **options):
        return Product(self.instance, "--concurrency", "1", **self._options, **options)

    def _holders(self):
        (database,) = self.instance.glob("*.db")
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute('SELECT holder FROM "MaintenanceLease"').fetchall()

    def read_configuration(self):
        return (self.instance / "broker" / "valkey.conf").read_text()


@pytest.fixture(scope="module")
def restart(tmp_path_factory):
    restart = Restart(tmp_path_factory.mktemp("restart"))
    with restart.second:
        yield restart


def test_a_stop_leaves_no_process_and_the_next_start_finds_everything(restart):
    assert restart.first_log.rstrip().endswith("everything has stopped")
    assert not any(is_alive(pid) for pids in restart.first_pids.values() for pid in pids)
    assert restart.second.url == restart.first.url
    assert "title" in get_json(restart.second.url)
    assert not set(restart.first_pids["web"]) & set(restart.second.pids()["web"])
    assert restart.read_configuration() == restart.configuration


def test_a_stop_gives_the_leases_of_the_maintenance_back(restart):
    held, left = restart.leases
    assert (len(held), left) == (len(JOBS), [])


def test_a_stop_waits_for_no_task_and_what_was_queued_is_done_after_the_next_start(
    restart,
):
    for task in restart.tasks:
        wait_for_success(restart.second, task)


def test_the_kill_of_the_launcher_leaves_no_process(restart):
    """The last one that needs the product running."""
    pids = [pid for members in restart.second.pids().values() for pid in members]
    assert len(pids) >= 5
    restart.second.kill()  # fails when a process is left
    assert not any(is_alive(pid) for pid in pids)


GREETER = """
import time
from pathlib import Path
from flask import redirect, render_template, url_for
from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

BLP = SecurityBlueprint("NAME@v1", __name__, template_folder="templates")

class Greeter(QHAnaPluginBase):
    name, version, description, tags = "NAME", "v1", "Greets.", []
    def get_api_blueprint(self):
        return BLP

@BLP.route("/")
def start():
    return {"greeting": "TEXT"}

@BLP.route("/page/")
def page():
    return render_template("greeting.html")

@BLP.route("/process/", methods=["POST"])
def process():
    task = ProcessingTask("NAME@v1.greet")
    task.save(commit=True)
    (greet.s(db_id=task.id) | save_task_result.s(db_id=task.id)).apply_async()
    return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)

@CELERY.task(name="NAME@v1.greet")
def greet(db_id):
    print("begun", flush=True)
    while Path(__file__).with_name("hold").exists():
        time.sleep(0.01)
    return "TEXT"
"""


def test_what_an_author_saves_is_seen_in_web_and_worker_without_a_restart(tmp_path):
    plugins = tmp_path / "plugins"
    (plugins / "templates").mkdir(parents=True)
    plugin, page = plugins / "greeter.py", plugins / "templates" / "greeting.html"
    hold = plugins / "hold"
    page.write_text("first page")

    def save(file, name, text):
        file.write_text(GREETER.replace("NAME", name).replace("TEXT", text))

    def answer(path):
        return requests.get(product.url + path, timeout=60)

    def wait_for(path, text):
        wait_until(lambda: text in answer(path).text, 60, f"{text!r} at {path}")

    def greeted():
        url = product.url + "plugins/greeter@v1/process/"
        sent = requests.post(url, timeout=60, allow_redirects=False)
        return urllib.parse.urljoin(url, sent.headers["Location"])

    def log_of(task):
        wait_until(lambda: get_json(task)["status"] != "PENDING", 60, "the end")
        return get_json(task)["log"]

    plugin.write_text("name = 'greeter'\nimport no_such_module\n")
    environment = {"PLUGIN_FOLDERS": str(plugins)}
    with Product(tmp_path / "instance", "--debug", environment=environment) as product:
        broken = answer("plugins/greeter@v1/")
        assert broken.status_code == 503 and broken.json()["line"] == 2
        assert "no_such_module" in broken.json()["message"]
        # It is repaired, and a task begins that lasts.
        hold.touch()
        save(plugin, "greeter", "repaired")
        wait_for("plugins/greeter@v1/", "repaired")
        running = greeted()
        wait_until(
            lambda: "begun" in requests.get(running + "console/", timeout=60).text,
            60,
            "the task",
        )
        # A template is changed, and nothing has to be loaded for that.
        wait_for("plugins/greeter@v1/page/", "first page")
        page.write_text("second page")
        assert answer("plugins/greeter@v1/page/").text == "second page"
        # There is a new file, and the old one is broken.
        save(plugins / "other.py", "other", "a new file")
        plugin.write_text("name = 'greeter'\n1 / 0\n")
        wait_for("plugins/greeter@v1/", "ZeroDivisionError")
        wait_for("plugins/other@v1/", "a new file")
        # The task is changed; the one that runs is finished as it was begun.
        save(plugin, "greeter", "changed")
        wait_for("plugins/greeter@v1/", "changed")
        changed = greeted()
        hold.unlink()
        assert (log_of(running), log_of(changed)) == ("repaired", "changed")


def test_with_a_broker_of_ones_own_none_is_started(product, tmp_path):
    text = (product.instance / "broker" / "valkey.conf").read_text()
    given = dict(line.split(" ", 1) for line in text.splitlines())
    url = f"redis://:{given['requirepass']}@127.0.0.1:{given['port']}/1"
    database = tmp_path / "elsewhere.db"
    environment = {
        "BROKER_URL": url,
        "RESULT_BACKEND": url,
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{database}",
    }
    with Product(tmp_path / "instance", environment=environment) as other:
        assert {"worker", "web"} <= set(other.pids()) <= {"worker", "web", "maintenance"}
        assert not (other.instance / "broker").exists()
        assert database.is_file()
        assert "title" in get_json(other.url)
