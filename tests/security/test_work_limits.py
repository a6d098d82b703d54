"""Attacks by work: tasks without number, without end, and larger than the machine."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from helpers.plugins import isolated_plugins
from helpers.processes import wait_until
from helpers.product import CHECKOUT
from helpers.runner import runner
from helpers.services import broker, worker

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.errors import RunnerError
from qhana_plugin_runner.security.tokens import Role, issue
from qhana_plugin_runner.tasking.changes import task_changes
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


DEMOS = [str(CHECKOUT / "plugins")]
GREET = "/plugins/hello-world@v1-0-0/process/"


@pytest.fixture
def submit(tmp_path):
    """Start tasks, of which clients may have two under way, as a client with some address."""
    with ExitStack() as stack:
        stack.enter_context(isolated_plugins(tmp_path))
        settings = {"PLUGIN_FOLDERS": DEMOS, "TASK_MAX_PER_CLIENT": 2}

        def submit(address="192.0.2.1", path=GREET, **headers):
            environ = {"REMOTE_ADDR": address}
            data = {"inputStr": "x"}
            client = submit.app.test_client()
            return client.post(
                path, data=data, headers=headers, environ_overrides=environ
            )

        def setup(**more):
            submit.app = stack.enter_context(runner(tmp_path, **settings, **more))
            return submit

        yield setup


class TestForkBombOfTasks:
    """One client starts tasks until there is no room for those of others."""

    def test_one_too_many_is_refused_and_leaves_nothing(self, submit):
        submit = submit()
        started = [submit(), submit()]
        assert [answer.status_code for answer in started] == [303, 303]
        refused = submit()
        assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
        assert "TASK_MAX_PER_CLIENT" in refused.get_json()["message"]
        assert submit("192.0.2.2").status_code == 303
        client = submit.app.test_client()
        assert len(client.get("/tasks/").get_json()["tasks"]) == 3
        client.post(started[0].location, json={"command": "cancel"})
        assert [submit().status_code, submit().status_code] == [303, 429]

    def test_many_at_once_are_not_more(self, submit):
        submit = submit()
        with ThreadPoolExecutor(8) as pool:
            answers = [
                each.status_code for each in pool.map(lambda _: submit(), range(16))
            ]
        assert sorted(answers) == [303] * 2 + [429] * 14

    def test_steps_of_tasks_that_are_there_go_on(self, submit):
        submit = submit()
        steps = "/plugins/hello-world-multi-step@v1-0-0/process/"
        assert submit(path=steps).status_code == submit(path=steps).status_code == 303
        assert submit(path=steps).status_code == 429
        with submit.app.app_context():
            task = ProcessingTask.get_by_id(1)
            task.add_next_step(href="x", ui_href="x", step_id="x", commit=True)
        with submit.app.test_request_context(
            environ_overrides={"REMOTE_ADDR": "192.0.2.1"}
        ):
            ProcessingTask.get_by_id(1).clear_previous_step(commit=True)

    def test_addresses_of_one_subscriber_count_as_one(self, submit):
        """IPv6 gives everybody more addresses than a table can hold."""
        submit = submit()
        same = ["2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8::3"]
        assert [submit(each).status_code for each in same] == [303, 303, 429]
        mapped = ["192.0.2.7", "::ffff:192.0.2.7", "::ffff:192.0.2.7"]
        assert [submit(each).status_code for each in mapped] == [303, 303, 429]
        assert submit("2001:db8:0:1::1").status_code == 303

    def test_a_forged_address_counts_only_with_a_proxy(self, submit):
        submit = submit()
        sent = [{"X_Forwarded_For": f"198.51.100.{number}"} for number in range(3)]
        assert [submit(**each).status_code for each in sent] == [303, 303, 429]

    def test_a_trusted_proxy_names_the_client(self, submit):
        submit = submit(REVERSE_PROXY_COUNT=1)
        sent = [{"X_Forwarded_For": f"198.51.100.{number}"} for number in (1, 1, 1, 2)]
        assert [submit(**each).status_code for each in sent] == [303, 303, 429, 303]

    def test_one_person_has_one_limit_whatever_the_address_and_the_token(self, submit):
        submit = submit(AUTH_MODE="token")

        def token(name):
            with submit.app.app_context():
                return {"Authorization": f"Bearer {issue(name, Role.RUN, timedelta(1))}"}

        answers = [submit(f"192.0.2.{n}", **token("ann")).status_code for n in range(3)]
        assert answers == [303, 303, 429]
        assert submit("192.0.2.0", **token("bob")).status_code == 303

    def test_the_database_does_not_tell_who_it_was(self, submit):
        submit = submit()
        submit()
        with submit.app.app_context():
            kept = ProcessingTask.get_by_id(1).client
        assert len(kept) == 32 and "192" not in kept

    def test_nothing_is_kept_without_a_limit(self, submit):
        submit = submit(STATUS_WAITERS=4)
        submit.app.config["TASK_MAX_PER_CLIENT"] = None
        assert {submit().status_code for _ in range(4)} == {303}
        with submit.app.app_context():
            assert ProcessingTask.get_by_id(1).client is None


class TestWaitersWithoutNumber:
    """One client holds all threads of the web server with requests that wait."""

    def test_others_may_still_wait(self, submit):
        submit = submit(STATUS_WAITERS_PER_CLIENT=1)
        url = submit().location
        with submit.app.app_context():
            changes = task_changes()
        outcomes = {}

        def wait(address, name):
            headers, environ = {"Prefer": "wait=30"}, {"REMOTE_ADDR": address}
            client = submit.app.test_client()
            answer = client.get(url, headers=headers, environ_overrides=environ)
            outcomes[name] = answer.headers.get("Preference-Applied")

        threads = [threading.Thread(target=wait, args=("192.0.2.1", "first"))]
        threads[0].start()
        wait_until(lambda: changes.waiting == 1, SECONDS, "the first waits")
        wait("192.0.2.1", "second")  # is answered at once
        threads.append(threading.Thread(target=wait, args=("192.0.2.2", "other")))
        threads[1].start()
        wait_until(lambda: changes.waiting == 2, SECONDS, "the other one waits")
        submit.app.test_client().post(url, json={"command": "cancel"})
        for thread in threads:
            thread.join(SECONDS)
        assert outcomes == {"first": "wait=30", "second": None, "other": "wait=30"}
