"""``/tasks/<id>/log/`` and ``/tasks/<id>/console/`` as a client follows them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers.databases import on_each_database, on_one_database
from helpers.writers import append_lines, in_processes, print_lines

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.task_console import MAX_CONSOLE, append_console
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle

pytestmark = on_each_database


class Follower:
    """A client that asks again and again for what is new."""

    def __init__(self, client, what="log"):
        self._client, self._url = client, f"/tasks/1/{what}/"
        self._cursor = None
        self.text = ""
        self.finished = False

    def ask(self):
        query = {} if self._cursor is None else {"cursor": self._cursor}
        answer = self._client.get(self._url, query_string=query)
        assert answer.status_code == 200, answer.text
        part = answer.get_json()
        assert part.keys() == {"text", "cursor", "finished"}
        self._cursor, self.finished = part["cursor"], part["finished"]
        self.text += part["text"]
        return part["text"]


@pytest.fixture
def follower(client):
    return Follower(client)


def whole_log(client):
    return client.get("/tasks/1/").get_json()["log"]


def append(text):
    life_cycle.append_log(1, text)
    DB.session.commit()


def test_the_texts_together_are_the_log(client, task, follower):
    assert follower.ask() == ""
    for text in ("one", "two\nthree", "ünïcödé 🎉"):
        append(text)
        assert follower.ask().lstrip("\n") == text
        assert follower.ask() == ""
    append("four")
    append("five")
    assert follower.ask() == "\nfour\nfive"
    assert not follower.finished
    life_cycle.fail(1, "the end")
    assert follower.ask() == "\nthe end"
    assert follower.finished
    assert follower.ask() == "" and follower.finished
    assert follower.text == whole_log(client)


def test_a_log_that_plugins_write_themselves_is_followed(client, task, follower):
    task.task_log = "first"
    task.save(commit=True)
    assert follower.ask() == "first"
    task.add_task_log_entry("second", commit=True)
    assert follower.ask() == "\nsecond"
    life_cycle.succeed(1, "third")
    assert follower.ask() == "\nthird"
    assert follower.text == whole_log(client)


def test_a_task_that_ends_without_entries_is_followed(client, task, follower):
    assert follower.ask() == ""
    life_cycle.succeed(1, "all in one")
    assert follower.ask() == "all in one"
    assert follower.finished


def test_a_log_that_was_replaced_by_a_shorter_one_is_told_anew(client, task, follower):
    task.task_log = "a long beginning"
    task.save(commit=True)
    follower.ask()
    DB.session.execute(
        ProcessingTask.__table__.update().values(task_log="short"),
    )
    DB.session.commit()
    assert follower.ask() == "short"
    assert follower.ask() == ""


def test_nothing_is_lost_or_repeated_while_others_append(
    client, task, follower, tmp_path
):
    append("before")
    follower.ask()
    in_processes(append_lines, tmp_path, ["a", "b", "c"])
    follower.ask()
    lines = follower.text.split("\n")
    assert len(lines) == 61 and len(set(lines)) == 61
    assert follower.text == whole_log(client)


def printed(text, skipped=0):
    with DB.engine.begin() as connection:
        append_console(connection, 1, text, skipped)


def test_a_console_is_followed(client, task):
    follower = Follower(client, "console")
    assert follower.ask() == "" and not follower.finished
    for text in ("one\n", "ünïcödé 🎉\n", "a line of ", "two writes\n"):
        printed(text)
        assert follower.ask() == text
        assert follower.ask() == ""
    printed("late\n", skipped=7)
    assert follower.ask() == "[7 bytes are left out here]\nlate\n"
    printed("the end\n")
    life_cycle.succeed(1)
    assert follower.ask() == "the end\n" and follower.finished
    answer = client.get("/tasks/1/console/", headers={"Accept": "text/html"})
    assert (answer.mimetype, answer.text) == ("text/plain", follower.text)
    assert "the end" not in whole_log(client)


def test_the_start_of_a_long_console_is_removed(client, task):
    line = f"{'ü' * 999}\n"
    for _ in range(5):
        printed(line * 100)
    assert Follower(client, "console").ask() == line * 500
    printed(line * 100)
    follower = Follower(client, "console")
    note, text = follower.ask().split("\n", 1)
    size = len(text.encode())
    assert note == f"[{len(line.encode()) * 600 - size} bytes are left out here]"
    assert text == line * (size // len(line.encode()))
    assert 0.9 * MAX_CONSOLE < size <= MAX_CONSOLE


def test_what_two_processes_print_for_one_task_is_all_there(client, task, tmp_path):
    follower = Follower(client, "console")
    follower.ask()
    in_processes(print_lines, tmp_path, ["a", "b", "c"])
    follower.ask()
    lines = follower.text.splitlines()
    assert sorted(lines) == sorted(f"{name} {n}" for name in "abc" for n in range(20))


@pytest.mark.parametrize("what", ["log", "console"])
def test_an_answer_is_held_back_until_there_is_something_new(client, task, what):
    wait = {"Prefer": "wait=1"}
    answer = client.get(f"/tasks/1/{what}/", headers=wait)
    assert (answer.status_code, answer.get_json()["text"]) == (200, "")
    assert answer.headers["Preference-Applied"] == "wait=1"
    printed("now\n")
    append("now\n")
    long = {"Prefer": "wait=30"}
    cursor = {"cursor": client.get(f"/tasks/1/{what}/").get_json()["cursor"]}
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(
            client.get, f"/tasks/1/{what}/", headers=long, query_string=cursor
        )
        printed("new\n")
        append("new\n")
        answer = waiting.result()
    assert answer.get_json()["text"].strip() == "new"


@on_one_database
@pytest.mark.parametrize(
    "cursor", ["", "x", "1", "-1-0", "1-", "1-2-3", "٣-1", "9" * 13 + "-0"]
)
@pytest.mark.parametrize("what", ["log", "console"])
def test_a_cursor_that_cannot_be_is_refused(client, task, what, cursor):
    if what == "console" and cursor == "1":
        cursor = "9" * 19
    answer = client.get(f"/tasks/1/{what}/", query_string={"cursor": cursor})
    assert answer.status_code == 422
    (reason,) = answer.get_json()["errors"]["query"]["cursor"]
    assert reason


@pytest.mark.parametrize("task_id", ["9", "x", str(2**70)])
@pytest.mark.parametrize("what", ["log", "console"])
def test_a_task_that_is_not_there_has_no_log(client, task, what, task_id):
    answer = client.get(f"/tasks/{task_id}/{what}/")
    assert (answer.status_code, answer.get_json()["code"]) == (404, 404)
