"""A task ends once, and its log loses nothing."""

import pytest
from helpers.databases import on_each_database
from sqlalchemy import text

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle
from qhana_plugin_runner.tasking.life_cycle import Transition

pytestmark = [pytest.mark.usefixtures("context"), on_each_database]

ENDS = {"SUCCESS": life_cycle.succeed, "FAILURE": life_cycle.fail}


@pytest.mark.parametrize("status", ENDS)
def test_an_end_sets_status_time_and_log(task, status):
    before = utc_now()
    assert ENDS[status](task.id, "the log") == Transition(True, False)
    assert (task.task_status, task.task_log) == (status, "the log")
    assert before <= task.finished_at <= utc_now()


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_a_second_end_changes_nothing(task, first, second):
    task.progress_value = 5
    ENDS[first](task.id, "first")
    before = [getattr(task, column.name) for column in ProcessingTask.__table__.columns]
    assert ENDS[second](task.id, "second") == Transition(False, False)
    after = [getattr(task, column.name) for column in ProcessingTask.__table__.columns]
    assert after == before


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_unknown_task_cannot_end(end):
    with pytest.raises(KeyError, match="99"):
        end(99, "log")


def test_an_end_is_committed(task):
    life_cycle.succeed(task.id, "log")
    DB.session.rollback()
    assert task.is_ok


@pytest.mark.parametrize(
    "value, reached", [(None, None), (0, 0), (3, 8), (-1, 8), (9, 8)]
)
def test_success_completes_progress_that_was_reported(task, value, reached):
    task.progress_value, task.progress_target = value, 8
    life_cycle.succeed(task.id)
    assert task.progress_value == reached


def test_failure_leaves_progress_and_steps(task):
    task.progress_value = 3
    task.add_next_step("process/", "ui/", "step", commit=True)
    assert life_cycle.fail(task.id, "no") == Transition(True, False)
    assert task.progress_value == 3 and task.has_uncleared_step


def test_success_clears_an_open_step_and_says_so(task):
    task.add_next_step("process/", "ui/", "step", commit=True)
    assert life_cycle.succeed(task.id) == Transition(True, True)
    assert not task.has_uncleared_step
    task.clear_previous_step(commit=True)
    assert life_cycle.succeed(task.id) == Transition(False, False)


def test_success_after_cleared_steps_clears_nothing(task):
    task.add_next_step("process/", "ui/", "step")
    task.clear_previous_step(commit=True)
    assert life_cycle.succeed(task.id) == Transition(True, False)


def test_an_end_keeps_what_the_session_has_not_saved_yet(task):
    task.data["remember"] = [1]
    task.task_log = "before"
    life_cycle.succeed(task.id, "after")
    assert (task.data, task.task_log) == ({"remember": [1]}, "before\nafter")


def test_a_log_that_is_empty_adds_no_line(task):
    life_cycle.append_log(task.id, "")
    life_cycle.append_log(task.id, "one")
    life_cycle.append_log(task.id, "")
    life_cycle.append_log(task.id, "two\nthree")
    life_cycle.succeed(task.id, "")
    assert task.task_log == "one\ntwo\nthree"


@pytest.mark.parametrize(
    "given, kept",
    [
        ("a\0b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        ("\udcff", "\ufffd"),
        ("emoji 🎉 and ünïcödé", "emoji 🎉 and ünïcödé"),
    ],
    ids=["NUL", "surrogate", "low surrogate", "unicode"],
)
def test_text_that_no_database_holds_is_replaced(task, given, kept):
    life_cycle.append_log(task.id, given)
    life_cycle.fail(task.id, given)
    assert task.task_log == f"{kept}\n{kept}"


def test_a_log_of_some_megabytes_is_kept(task):
    life_cycle.fail(task.id, "x" * 5_000_000)
    assert len(task.task_log) == 5_000_000


def test_a_log_line_does_not_overwrite_one_that_another_process_added(task):
    assert task.task_log == ""
    with DB.engine.begin() as other:
        other.execute(text("UPDATE \"ProcessingTask\" SET task_log = 'theirs'"))
    life_cycle.append_log(task.id, "ours")
    DB.session.commit()
    assert task.task_log == "theirs\nours"
