"""What a task prints is kept for its console, whatever that is, and whatever the database does."""

import logging
import os
import sys
import threading
import traceback
import warnings
from pathlib import Path

import pytest
from helpers.processes import wait_until
from sqlalchemy import event, exc, text

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.task_console import MAX_CONSOLE, console_behind

SECONDS = 60


@CELERY.task(name="supervised@v1.printing")
def printing(db_id, do=None):
    do()


@pytest.fixture
def console_after(new_task, deliver):
    """Run a function in a message, and return what is on the console of its task."""

    def console_after(do):
        task_id = new_task()
        printing.apply_async(kwargs={"db_id": task_id})
        streams = sys.stdout, sys.stderr, logging.getLogger().handlers[:]
        deliver(printing, task_id, do=do)
        assert streams == (sys.stdout, sys.stderr, logging.getLogger().handlers)
        wait_until(lambda: not writers(), SECONDS, "all is written")
        DB.session.rollback()
        return console_behind(task_id, 0)

    return console_after


def writers():
    return [each for each in threading.enumerate() if each.name == "task-console"]


def test_what_is_printed_is_there_as_it_was(console_after, capsys):
    def work():
        print("one", 2, sep=", ", end="!\n")
        print("ünïcödé 🎉", file=sys.stderr)
        sys.stdout.writelines(["three\n", "fo"])
        print("ur")
        sys.stdout.flush()
        print("NUL \0 and a lone surrogate \ud800")

    text = "one, 2!\nünïcödé 🎉\nthree\nfour\nNUL \ufffd and a lone surrogate ?\n"
    part = console_after(work)
    assert part.text.replace("\ufffd", "?") == text.replace("\ufffd", "?")
    assert part.end == len(part.text.encode())
    out, err = capsys.readouterr()
    assert out.startswith("one, 2!\nthree\nfour\n") and err == "ünïcödé 🎉\n"


def test_a_task_that_prints_nothing_asks_the_database_nothing(console_after):
    statements = []

    def remember(_connection, _cursor, statement, *_more):
        statements.append(statement)

    event.listen(DB.engine, "before_cursor_execute", remember)
    part = console_after(lambda: None)
    event.remove(DB.engine, "before_cursor_execute", remember)
    assert part.text == ""
    assert [each for each in statements if "TaskConsole" in each] == [statements[-1]]


def test_progress_bars_and_colors_are_text_in_the_end(console_after):
    def work():
        for percent in range(0, 101, 10):
            sys.stderr.write(f"\r{percent:3d}%|\x1b[32m##\x1b[0m|")
        sys.stderr.write("\n")
        print("Windows\r")
        print("dots", end="..")

    assert console_after(work).text == "100%|##|\nWindows\ndots.."


def test_only_the_end_of_very_much_is_kept_in_whole_lines(console_after):
    lines = [f"line {number} {'x' * 200}" for number in range(20_000)]

    def work():
        for line in lines:
            print(line)

    part = console_after(work)
    assert part.end == sum(len(line) + 1 for line in lines)
    note, text = part.text.split("\n", 1)
    assert note == f"[{part.end - len(text)} bytes are left out here]"
    assert MAX_CONSOLE - 64 * 1024 < len(text) <= MAX_CONSOLE
    kept = text.splitlines()
    assert kept == lines[-len(kept) :]


def test_secrets_are_masked_as_in_logs(console_after):
    def work():
        print("password =", "hunter2")
        logging.getLogger("any").warning(
            "redis://:hunter2@host/0 %s", {"token": "hunter2"}
        )

    part = console_after(work)
    assert "hunter2" not in part.text and part.text.count("***") == 3


@pytest.mark.parametrize("debug", [False, True])
def test_outside_of_debug_mode_tracebacks_and_warnings_name_no_folders(
    console_after, app, debug
):
    def work():
        try:
            raise KeyError("/some/text")
        except KeyError:
            traceback.print_exc()
            logging.getLogger("any").exception("failed")
        shown = warnings.formatwarning("old", UserWarning, __file__, 15)
        logging.getLogger("py.warnings").warning("%s", shown)
        print("GET /tasks/1/ /srv/a.py:3: ok")

    app.debug = debug
    text = console_after(work).text
    path = __file__ if debug else Path(__file__).name
    assert text.count(f'File "{path}", line') == 2
    assert f"\n{path}:15: UserWarning: old\n" in text
    assert "KeyError: '/some/text'\n" in text
    assert "\nGET /tasks/1/ /srv/a.py:3: ok\n" in text
    assert (__file__ in text) is debug


def test_what_is_printed_while_the_task_itself_locks_the_database_comes_later(
    console_after,
):
    def work():
        DB.session.execute(text("UPDATE ProcessingTask SET data = '5'"))
        print("printed meanwhile")

    assert console_after(work).text == "printed meanwhile\n"


@pytest.fixture
def failing():
    """Let the first attempts to write a console fail; return the errors that did not come."""

    def failing(*errors):
        def fail(_connection, _cursor, statement, *_more):
            if "INSERT" in statement and "TaskConsole" in statement and left:
                raise left.pop(0)

        left = [*errors]
        event.listen(DB.engine, "before_cursor_execute", fail)
        listening.append(fail)
        return left

    listening = []
    yield failing
    for fail in listening:
        event.remove(DB.engine, "before_cursor_execute", fail)


def test_it_is_tried_again_when_all_connections_or_all_memory_are_in_use(
    console_after, failing
):
    left = failing(exc.TimeoutError("QueuePool limit reached"), MemoryError())

    def work():
        print("before")
        wait_until(lambda: not left, SECONDS, "two attempts")
        print("after")

    assert console_after(work).text == "before\nafter\n"


def test_what_fails_for_ever_is_tried_and_told_once(console_after, failing, caplog):
    left = failing(ValueError("first"), ValueError("second"))

    def work():
        print("before")
        wait_until(lambda: len(left) == 1, SECONDS, "an attempt")
        wait_until(lambda: not writers(), SECONDS, "no attempt is made any more")
        print("after")

    assert console_after(work).text == ""
    told = [each for each in caplog.records if "is not written" in each.message]
    assert len(told) == 1 and len(left) == 1


@pytest.mark.parametrize("until", ["the end of the task", "for ever"])
def test_printing_works_where_no_thread_can_be_started(console_after, until):
    def work():
        threading.stack_size(1 << 45)
        print("one")
        if until == "the end of the task":
            threading.stack_size(0)

    try:
        assert console_after(work).text == "one\n"
    finally:
        threading.stack_size(0)


def test_bytes_cannot_be_printed_as_elsewhere(console_after):
    def work():
        with pytest.raises(TypeError, match="str"):
            sys.stdout.write(b"bytes")

    assert console_after(work).text == ""


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_process_that_a_task_forks_writes_to_the_log_of_the_worker(console_after):
    def work():
        if not (child := os.fork()):
            print("of the child")
            os._exit(0)
        os.waitpid(child, 0)
        print("of the parent")

    assert console_after(work).text == "of the parent\n"
