"""The runner's own tasks, called as Celery calls them."""

import json
import threading
import traceback

import pytest
from billiard.exceptions import TimeLimitExceeded
from celery.utils.serialization import (
    UnpickleableExceptionWrapper,
    get_pickleable_exception,
)
from helpers.databases import on_each_database

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.tasks import (
    TASK_DETAILS_CHANGED,
    TASK_SIGNALS,
    TASK_STATUS_CHANGED,
    TASK_STEPS_CHANGED,
    add_step,
    save_task_error,
    save_task_result,
)

pytestmark = pytest.mark.usefixtures("context")


@pytest.fixture
def signals(app, task):
    """The names of the signals that were sent for the task, in order."""
    heard = []

    def listen_for(name):
        def listen(sender, task_id):
            assert (sender, task_id) == (app, task.id)
            heard.append(name)

        return listen

    named = {
        "status": TASK_STATUS_CHANGED,
        "steps": TASK_STEPS_CHANGED,
        "details": TASK_DETAILS_CHANGED,
    }
    listeners = {name: listen_for(name) for name in named}
    for name, signal in named.items():
        assert signal.name in TASK_SIGNALS
        signal.connect(listeners[name])
    yield heard
    for name, signal in named.items():
        signal.disconnect(listeners[name])


STEP = {"step_id": "step", "href": "process/", "ui_href": "ui/"}


def progress(task):
    return (
        task.progress_value,
        task.progress_start,
        task.progress_target,
        task.progress_unit,
    )


def test_the_tasks_have_the_names_that_older_workers_know():
    assert {save_task_result.name, save_task_error.name, add_step.name} == {
        "qhana-plugin-runner.save-result",
        "qhana-plugin-runner.save-error",
        "qhana-plugin-runner.add-step",
    }
    assert add_step.name in CELERY.tasks


def test_a_result_ends_the_task_and_tells_status_then_details(task, signals):
    save_task_result("the log", db_id=task.id)
    assert (task.status, task.task_log) == ("SUCCESS", "the log")
    assert signals == ["status", "details"]


def test_a_result_may_have_no_log(task):
    task.add_task_log_entry("before", commit=True)
    save_task_result(None, db_id=task.id)
    assert (task.status, task.task_log) == ("SUCCESS", "before")


@on_each_database
def test_a_result_completes_progress_and_clears_the_open_step(task, signals):
    add_step("step log", db_id=task.id, **STEP, prog_value=30)
    signals.clear()
    save_task_result(task_log="result log", db_id=task.id)
    assert task.progress_value == 100
    assert not task.has_uncleared_step
    assert task.task_log == "step log\nresult log"
    assert signals == ["status", "details", "steps"]


@on_each_database
def test_a_second_result_or_error_changes_nothing_and_tells_nobody(task, signals):
    save_task_result("first", db_id=task.id)
    signals.clear()
    save_task_result("second", db_id=task.id)
    save_task_error("some-celery-id", db_id=task.id)
    assert (task.status, task.task_log) == ("SUCCESS", "first")
    assert signals == []


@pytest.mark.parametrize("log", [5, b"bytes", ["list"], {"a": 1}, True])
def test_a_result_that_is_no_text_is_a_type_error(task, log, signals):
    with pytest.raises(TypeError, match="text for the log"):
        save_task_result(log, db_id=task.id)
    assert task.status == "PENDING" and signals == []


@pytest.mark.parametrize("log", [None, 5, ["list"]])
def test_a_step_needs_text_as_log(task, log, signals):
    with pytest.raises(TypeError, match=type(log).__name__):
        add_step(log, db_id=task.id, **STEP)
    assert task.steps == [] and signals == []


def test_an_error_of_an_unknown_task_is_left_in_the_log(caplog):
    save_task_error(failed(ValueError("nobody's")), db_id=99)
    assert "no task with id 99" in caplog.text and "nobody's" in caplog.text


def test_a_step_is_added_with_its_log_and_tells_steps_then_details(task, signals):
    add_step("the log", db_id=task.id, **STEP)
    (step,) = task.steps
    assert (step.step_id, step.href, step.ui_href) == ("step", "process/", "ui/")
    assert task.has_uncleared_step and task.multi_step
    assert task.task_log == "the log"
    assert signals == ["steps", "details"]


def test_steps_are_counted_when_no_progress_is_given(task):
    add_step("one", db_id=task.id, **STEP)
    assert progress(task) == (0, 0, 1, "")
    task.clear_previous_step(commit=True)
    add_step("two", db_id=task.id, **STEP)
    assert progress(task) == (1, 0, 2, "")


def test_progress_that_is_given_is_kept_and_the_rest_is_percent(task):
    add_step("one", db_id=task.id, **STEP, prog_value=0)
    assert progress(task) == (0, 0, 100, "%")
    task.clear_previous_step(commit=True)
    numbers = {"prog_value": 5, "prog_start": 2, "prog_target": 9, "prog_unit": "rounds"}
    add_step("two", db_id=task.id, **STEP, **numbers)
    assert progress(task) == (5, 2, 9, "rounds")
    task.clear_previous_step(commit=True)
    add_step("three", db_id=task.id, **STEP, prog_value=6)
    assert progress(task) == (6, 0, 100, "%")


@on_each_database
def test_a_second_open_step_is_refused_and_changes_nothing(task, signals):
    add_step("one", db_id=task.id, **STEP)
    before = (progress(task), task.task_log)
    signals.clear()
    with pytest.raises(AssertionError, match="'step'"):
        add_step("two", db_id=task.id, **STEP, prog_value=77)
    DB.session.commit()
    assert (progress(task), task.task_log) == before
    assert len(task.steps) == 1 and signals == []


def failed(error, traceback=None):
    """Put an error into the result backend as a worker does, and return the Celery id."""
    CELERY.backend.store_result("failed-id", error, "FAILURE", traceback=traceback)
    return "failed-id"


@on_each_database
def test_an_error_ends_the_task_with_one_line_and_the_traceback(task, signals):
    save_task_error(
        failed(ValueError("two\n lines"), "Traceback:\n  in a\n"), db_id=task.id
    )
    assert task.status == "FAILURE"
    assert task.task_log == ("Task failed with ValueError: two lines\nTraceback:\n  in a")
    assert signals == ["status", "details"]


@pytest.mark.parametrize(("debug", "name"), [(False, "a.py"), (True, "/srv/x/a.py")])
def test_the_traceback_names_no_folders_outside_of_debug_mode(app, task, debug, name):
    app.debug = debug
    trace = 'Traceback:\n  File "/srv/x/a.py", line 3, in work\n    open("/srv/b/c")\n'
    save_task_error(failed(ValueError("no"), trace), db_id=task.id)
    assert f'  File "{name}", line 3, in work\n    open("/srv/b/c")' in task.task_log


def test_an_error_leaves_the_open_step_and_the_log_so_far(task):
    add_step("step log", db_id=task.id, **STEP)
    save_task_error(failed(ValueError("no")), db_id=task.id)
    assert task.has_uncleared_step
    assert task.task_log == "step log\nTask failed with ValueError: no"


def test_an_error_that_nobody_recorded_ends_the_task_all_the_same(task):
    save_task_error("never-seen", db_id=task.id)
    assert task.status == "FAILURE"
    assert "no record" in task.task_log


class Demanding(Exception):
    """Cannot be made again of its arguments: these are but its text."""

    def __init__(self, text, *, reason):
        super().__init__(text)
        self.lock = threading.Lock()  # so that it cannot be pickled


def raise_demanding():
    raise Demanding("wants: a reason", reason="none")


def as_pool_tells(error):
    return get_pickleable_exception(error)


def as_it_is(error):
    return error


def without_arguments(error):
    return UnpickleableExceptionWrapper.from_exception(error)


@pytest.mark.parametrize("stand_in", [as_it_is, as_pool_tells, without_arguments])
@pytest.mark.parametrize(
    "work, line",
    [
        (
            lambda: json.loads("no"),
            "JSONDecodeError: Expecting value: line 1 column 1 (cha",
        ),
        (raise_demanding, "Demanding: wants: a reason\n"),
        (lambda: {}["key"], "KeyError: 'key'\n"),
    ],
    ids=["library", "own", "usual"],
)
def test_an_error_has_its_own_name_when_another_one_stands_for_it(
    task, work, line, stand_in
):
    with pytest.raises(Exception) as raised:
        work()
    error = stand_in(raised.value)
    trace = "".join(traceback.format_exception(raised.value))
    save_task_error(failed(error, trace), db_id=task.id)
    assert task.task_log.startswith(f"Task failed with {line}")


def raise_with_what_a_solver_said():
    raise RuntimeError(f"the solver failed:\n{solver_says()}")


def raise_with_more_below():
    raise OSError(f"the solver failed:\n{solver_says()}\n\nsee the log")


def raise_own_with_what_a_solver_said():
    raise Demanding(f"the solver failed:\n{solver_says()}", reason="none")


def solver_says():
    try:
        {}["a"]
    except KeyError:
        return traceback.format_exc().rstrip()


@pytest.mark.parametrize("stand_in", [as_it_is, as_pool_tells, without_arguments])
@pytest.mark.parametrize(
    "work, name",
    [
        (raise_with_what_a_solver_said, "RuntimeError"),
        (raise_with_more_below, "OSError"),
        (raise_own_with_what_a_solver_said, "Demanding"),
    ],
)
def test_an_error_is_not_named_by_a_traceback_in_its_text(task, work, name, stand_in):
    with pytest.raises(Exception) as raised:
        work()
    trace = "".join(traceback.format_exception(raised.value))
    save_task_error(failed(stand_in(raised.value), trace), db_id=task.id)
    assert task.task_log.startswith(f"Task failed with {name}: the solver failed:")


def test_the_name_of_an_error_is_told_without_a_traceback(task):
    error = UnpickleableExceptionWrapper("here", "Odd", ("text",), "Odd('text')")
    save_task_error(failed(error), db_id=task.id)
    assert task.task_log == "Task failed with Odd: text"


def test_a_time_limit_is_told_in_seconds(task):
    save_task_error(failed(TimeLimitExceeded(2)), db_id=task.id)
    assert "limit of 2 s" in task.task_log


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@on_each_database
def test_an_error_whose_text_cannot_be_made_ends_the_task_all_the_same(task, monkeypatch):
    # The backend finds classes of errors by the modules that are loaded.
    monkeypatch.setattr("builtins.Unspeakable", Unspeakable, raising=False)
    monkeypatch.setattr(Unspeakable, "__module__", "builtins")
    save_task_error(failed(Unspeakable()), db_id=task.id)
    assert task.status == "FAILURE"
    assert "cannot be read (RuntimeError: no words)" in task.task_log
