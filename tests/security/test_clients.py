"""Attacks by one client on the others: tasks without number, requests that wait without number."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from io import BytesIO

import pytest
from helpers.plugins import isolated_plugins
from helpers.processes import wait_until
from helpers.product import CHECKOUT
from helpers.runner import runner
from sqlalchemy import text

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.security.tokens import Role, issue
from qhana_plugin_runner.tasking.changes import task_changes

SECONDS = 60

DEMOS = [str(CHECKOUT / "plugins")]
GREET = "/plugins/hello-world@v1-0-0/process/"


@pytest.fixture
def submit(tmp_path):
    """Start tasks, of which clients may have two under way, as a client with some address."""
    with ExitStack() as stack:
        stack.enter_context(isolated_plugins(tmp_path))
        settings = {"PLUGIN_FOLDERS": DEMOS, "TASK_MAX_PER_CLIENT": 2}

        def submit(address="192.0.2.1", path=GREET, data=None, **headers):
            environ = {"REMOTE_ADDR": address}
            data = data or {"inputStr": "x"}
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

    def test_transactions_that_overlap_are_not_more(self, submit, postgresql_database):
        """PostgreSQL lets them go on at the same time, and shows none the new rows of others."""
        submit = submit(SQLALCHEMY_DATABASE_URI=postgresql_database)
        waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        environ = {"REMOTE_ADDR": "192.0.2.1"}
        with (
            ThreadPoolExecutor(1) as pool,
            submit.app.test_request_context(GREET, environ_overrides=environ),
        ):
            for _ in range(2):
                ProcessingTask("first").save(commit=False)
            DB.session.flush()
            other = pool.submit(submit)
            wait_until(
                lambda: other.done() or DB.session.execute(waits).scalar(),
                SECONDS,
                "the other one counts",
            )
            DB.session.commit()
            assert other.result(SECONDS).status_code == 429

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

    def test_files_for_a_step_can_be_uploaded(self, submit):
        submit = submit()
        assert [submit().status_code for _ in range(3)] == [303, 303, 429]
        file = {"file": (BytesIO(b"a"), "a.txt"), "dataType": "text"}
        answer = submit(path="/files/", data=file)
        assert answer.status_code == 201, answer.text

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
