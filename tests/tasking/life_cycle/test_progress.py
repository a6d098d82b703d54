"""Progress that is reported very often, on each database."""

import pytest
from helpers.databases import on_each_database
from helpers.processes import wait_until
from sqlalchemy import event, select, update

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle
from qhana_plugin_runner.tasking.life_cycle import progress

pytestmark = [pytest.mark.usefixtures("context"), on_each_database]


@pytest.fixture
def slow_writer(monkeypatch):
    """Let nothing be written in the background while a test looks."""
    monkeypatch.setattr(progress, "INTERVAL", 600)


@pytest.fixture
def task(context):
    task = ProcessingTask("a-task", progress_target=10_000)
    task.save(commit=True)
    return task


def at_work(task):
    return life_cycle.throttled(task.id)


def report(task, values):
    for value in values:
        task.progress_value = value
        task.save(commit=True)


def seen(task_id, name="progress_value"):
    """Return what others see."""
    with DB.engine.connect() as other:
        column = ProcessingTask.__table__.c[name]
        return other.execute(
            select(column).where(ProcessingTask.id == task_id)
        ).scalar_one()


@pytest.fixture
def writes():
    """The statements that change rows."""
    statements = []

    def remember(_connection, _cursor, statement, *_more):
        if not statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(DB.engine, "before_cursor_execute", remember)
    yield statements
    event.remove(DB.engine, "before_cursor_execute", remember)


@pytest.mark.usefixtures("slow_writer")
def test_the_first_changes_are_written_at_once_and_the_last_one_always(task):
    at_once = progress.AT_ONCE
    with at_work(task):
        for value in range(1, at_once + 1):
            report(task, [value])
            assert seen(task.id) == value
        report(task, [at_once + 1, at_once + 2])
        assert seen(task.id) == at_once
    assert seen(task.id) == at_once + 2


@pytest.mark.usefixtures("slow_writer")
def test_a_thousand_changes_are_few_writes(task, writes):
    with at_work(task):
        report(task, range(1000))
    assert len(writes) == progress.AT_ONCE + 1
    assert seen(task.id) == 999


def test_what_is_held_back_is_written_while_the_plugin_computes(task, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0.01)
    with at_work(task):
        report(task, range(100))
        DB.session.rollback()
        wait_until(lambda: seen(task.id) == 99, 60, "the progress is written")
        report(task, range(100, 200))
        wait_until(lambda: seen(task.id) == 199, 60, "and again")


@pytest.mark.usefixtures("slow_writer")
def test_the_plugin_reads_back_what_it_has_set(task):
    with at_work(task):
        task.progress_value = 0
        task.save(commit=True)
        for _ in range(100):
            task.progress_value += 1
            task.save(commit=True)
        assert task.progress_value == 100
        DB.session.expunge_all()
        again = ProcessingTask.get_by_id(task.id)
        assert (again.progress_value, again.progress_target) == (100, 10_000)
        assert ProcessingTask.get_with_details(task.id).progress_value == 100
    assert seen(task.id) == 100


def test_what_others_write_is_seen_after_what_was_held_back_is_written(task, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 0.01)
    with at_work(task):
        report(task, range(100))
        DB.session.rollback()
        wait_until(lambda: seen(task.id) == 99, 60, "the progress is written")
        with DB.engine.begin() as other:
            table = ProcessingTask.__table__
            other.execute(
                update(table).where(table.c.id == task.id).values(progress_value=500)
            )
        wait_until(lambda: _fresh(task).progress_value == 500, 60, "the other's value")


def _fresh(task):
    DB.session.rollback()
    return task


@pytest.mark.usefixtures("slow_writer")
@pytest.mark.parametrize("undo", ["rollback", "close"])
def test_what_the_plugin_takes_back_is_not_written(task, undo):
    with at_work(task):
        report(task, range(100))
        task.progress_value = 5_000
        DB.session.flush()
        assert task.progress_value == 5_000
        getattr(DB.session, undo)()
        task = ProcessingTask.get_by_id(task.id)
        assert task.progress_value == 99
        task.add_task_log_entry("goes on", commit=True)
    assert seen(task.id) == 99


@pytest.mark.usefixtures("slow_writer")
def test_a_savepoint_does_not_write_what_is_taken_back_with_all(task):
    with at_work(task):
        report(task, range(100))
        with DB.session.begin_nested():
            task.progress_value = 5_000
        DB.session.rollback()
    assert seen(task.id) == 99


@pytest.mark.usefixtures("slow_writer")
def test_an_uncommitted_change_neither_blocks_nor_comes_with_the_last_write(task):
    with at_work(task):
        report(task, range(100))
        task.task_name = "locks the row"
        DB.session.flush()
    assert seen(task.id) == 99
    assert seen(task.id, "task_name") == "a-task"


@pytest.mark.usefixtures("slow_writer")
def test_an_end_comes_after_what_is_held_back(task):
    with at_work(task):
        report(task, range(100))
        task.progress_target = 200
        task.save(commit=True)
        assert seen(task.id, "progress_target") == 10_000
        life_cycle.succeed(task.id)
    assert (seen(task.id), seen(task.id, "progress_target")) == (200, 200)


@pytest.mark.usefixtures("slow_writer")
def test_progress_that_comes_with_the_plugin_s_own_end_is_kept(task):
    with at_work(task):
        report(task, range(100))
        task.progress_value = 123
        task.task_status, task.finished_at = "FAILURE", utc_now()
        task.save(commit=True)
    assert seen(task.id) == 123


@pytest.mark.usefixtures("slow_writer")
def test_progress_of_other_tasks_is_written_at_once(task):
    other = ProcessingTask("another")
    other.save(commit=True)
    with at_work(task):
        report(other, range(100))
        assert seen(other.id) == 99


@pytest.mark.usefixtures("slow_writer")
def test_what_is_held_back_without_a_transaction_is_read_and_written(task, writes):
    values = {"progress_value": 77, "progress_unit": "rows"}
    assert not life_cycle.hold(task.id, values)
    with at_work(task):
        assert not life_cycle.hold(task.id, values)
        report(task, range(progress.AT_ONCE))
        writes.clear()
        assert life_cycle.hold(task.id, values)
        assert not life_cycle.hold(task.id + 1, values)
        assert writes == []
        DB.session.expire_all()
        assert (task.progress_value, task.progress_unit) == (77, "rows")
    assert (seen(task.id), seen(task.id, "progress_unit")) == (77, "rows")
