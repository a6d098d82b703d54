"""The transitions do what ``LEGAL`` says, and nothing leaves an end."""

from datetime import UTC, datetime

import pytest
from helpers.runner import runner
from helpers.writers import MOVES, in_processes, move
from sqlalchemy import select, update

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle
from qhana_plugin_runner.tasking.life_cycle import LEGAL, OPEN, TERMINAL, TaskState

pytestmark = pytest.mark.usefixtures("context")

STATUS = {TaskState.SUCCEEDED: "SUCCESS"}


@pytest.fixture(scope="module")
def app(tmp_path_factory, database_of_module):
    """One app for all tests: each makes tasks of its own."""
    with runner(tmp_path_factory.mktemp("states"), **database_of_module) as app:
        yield app


def make(state, name="a-task"):
    """Make a task that is in a state; return its id."""
    task = ProcessingTask(name)
    task.save(commit=True)
    values = {"state": state.value}
    if state in TERMINAL:
        values["task_status"] = STATUS.get(state, "FAILURE")
        values["finished_at"] = datetime(2020, 1, 1, tzinfo=UTC)
    write(task.id, **values)
    return task.id


def write(task_id, **values):
    """Write to a row past the life cycle."""
    with DB.engine.begin() as other:
        table = ProcessingTask.__table__
        other.execute(update(table).where(table.c.id == task_id).values(values))
    DB.session.expire_all()


def columns(task_id):
    """Return what the database holds of a task."""
    table = ProcessingTask.__table__
    with DB.engine.connect() as other:
        return dict(
            other.execute(select(table).where(table.c.id == task_id)).mappings().one()
        )


def test_each_state_is_open_or_terminal_and_every_end_can_be_reached():
    assert OPEN | TERMINAL == set(TaskState) == LEGAL.keys()
    for state in OPEN - {TaskState.CANCELLING}:
        assert TERMINAL <= LEGAL[state]


@pytest.mark.parametrize("to", MOVES)
@pytest.mark.parametrize("source", TaskState)
def test_a_transition_does_what_the_table_says(source, to):
    task_id = make(source)
    before = columns(task_id)
    MOVES[to](task_id)
    after = columns(task_id)
    if to in LEGAL[source]:
        assert after["state"] == to
        assert (after["finished_at"] is not None) == (to in TERMINAL)
        if to in TERMINAL:
            assert after["task_status"] == STATUS.get(to, "FAILURE")
            assert after["task_log"] == "end"
    elif source is TaskState.CANCELLING and to in TERMINAL:
        # However it ends, somebody wanted it to.
        assert (after["state"], after["task_status"]) == ("cancelled", "FAILURE")
        assert after["finished_at"] is not None
    else:
        assert after == before


@pytest.mark.parametrize("source", TaskState)
def test_a_message_queues_only_what_waits(source):
    task_id = make(source)
    life_cycle.mark_queued(task_id)
    DB.session.rollback()
    expected = TaskState.QUEUED if source is TaskState.WAITING else source
    assert columns(task_id)["state"] == expected


@pytest.mark.parametrize("source", sorted(TERMINAL))
@pytest.mark.parametrize(
    "changes",
    [
        {"task_status": "SUCCESS", "finished_at": utc_now()},
        {"task_status": "FAILURE", "finished_at": utc_now()},
        {"task_status": "SUCCESS"},
        {"task_status": None, "finished_at": None},
        {"finished_at": None},
        {"state": "queued"},
        {"progress_value": 7.0, "progress_target": 9.0},
    ],
    ids=lambda changes: "+".join(f"{name}={changes[name]}"[:24] for name in changes),
)
def test_a_plugin_does_not_undo_an_end_with_an_old_object(source, changes):
    task_id = make(TaskState.RUNNING)
    task = ProcessingTask.get_by_id(task_id)
    assert task.state == "running"  # loaded now
    DB.session.commit()
    loaded = {name: getattr(task, name) for name in changes}
    with DB.engine.begin() as other:
        table = ProcessingTask.__table__
        values = {
            "state": source.value,
            "task_status": STATUS.get(source, "FAILURE"),
            "finished_at": datetime(2020, 1, 1, tzinfo=UTC),
        }
        other.execute(update(table).where(table.c.id == task_id).values(values))
    before = columns(task_id)
    assert loaded.keys() == changes.keys()
    for name, value in changes.items():
        setattr(task, name, value)
    DB.session.commit()
    assert columns(task_id) == before


@pytest.mark.parametrize("source", sorted(OPEN - {TaskState.CANCELLING}))
@pytest.mark.parametrize(
    "status, state",
    [
        ("SUCCESS", TaskState.SUCCEEDED),
        ("FAILURE", TaskState.FAILED),
        ("other", TaskState.FAILED),
    ],
)
def test_the_end_that_a_plugin_writes_goes_through(source, status, state):
    task = ProcessingTask.get_by_id(make(source))
    task.task_status, task.finished_at = status, utc_now()
    task.add_task_log_entry("by the plugin")
    task.save(commit=True)
    after = columns(task.id)
    assert (after["task_status"], after["state"]) == (status, state)
    assert task.task_log == "by the plugin"
    assert task.is_finished


def test_a_plugin_that_ends_what_is_to_be_cancelled_cancels_it():
    task = ProcessingTask.get_by_id(make(TaskState.CANCELLING))
    task.task_status, task.finished_at = "SUCCESS", utc_now()
    task.save(commit=True)
    after = columns(task.id)
    assert (after["task_status"], after["state"]) == ("FAILURE", "cancelled")


def test_a_row_that_is_made_with_its_end_has_the_state_of_it():
    task = ProcessingTask("a-task", finished_at=utc_now(), task_status="SUCCESS")
    task.save(commit=True)
    assert columns(task.id)["state"] == "succeeded"


def test_a_plugin_does_not_write_the_state():
    task = ProcessingTask.get_by_id(make(TaskState.WAITING))
    task.state = "succeeded"
    task.save(commit=True)
    assert columns(task.id)["state"] == "waiting"


def test_progress_of_an_old_object_reaches_an_open_task():
    task_id = make(TaskState.QUEUED)
    task = ProcessingTask.get_by_id(task_id)
    assert task.progress_value is None
    with DB.engine.begin() as other:
        table = ProcessingTask.__table__
        other.execute(
            update(table).where(table.c.id == task_id).values(state="running", attempt=2)
        )
    task.progress_value, task.progress_unit = 3, "files"
    task.save(commit=True)
    after = columns(task_id)
    assert (after["progress_value"], after["progress_unit"]) == (3, "files")
    assert (after["state"], after["attempt"]) == ("running", 2)


def test_progress_that_comes_with_the_end_is_kept():
    task = ProcessingTask.get_by_id(make(TaskState.RUNNING))
    task.progress_value, task.progress_target = 7, 9
    task.task_status, task.finished_at = "FAILURE", utc_now()
    task.save(commit=True)
    after = columns(task.id)
    assert (after["progress_value"], after["progress_target"]) == (7, 9)
    assert (after["state"], after["task_status"]) == ("failed", "FAILURE")


def test_a_log_that_an_old_object_writes_stands_behind_what_others_wrote():
    task_id = make(TaskState.RUNNING)
    task = ProcessingTask.get_by_id(task_id)
    assert task.task_log == ""
    DB.session.commit()
    assert task.log_start == ""
    with DB.engine.begin() as other:
        table = ProcessingTask.__table__
        other.execute(
            update(table).where(table.c.id == task_id).values(task_log="theirs")
        )
    task.task_log = "ours"
    DB.session.commit()
    assert ProcessingTask.get_by_id(task_id).task_log == "theirs\nours"


def test_queueing_leaves_the_changes_of_a_plugin_to_the_plugin():
    task_id = make(TaskState.WAITING)
    task = ProcessingTask.get_by_id(task_id)
    task.parameters = "not saved yet"
    life_cycle.mark_queued(task_id)
    DB.session.rollback()
    after = columns(task_id)
    assert (after["parameters"], after["state"]) == ("", "waiting")


def test_queueing_commits_when_there_is_nothing_else():
    task_id = make(TaskState.WAITING)
    life_cycle.mark_queued(task_id)
    DB.session.rollback()
    assert columns(task_id)["state"] == "queued"


def test_who_begins_later_does_not_change_when_the_task_began():
    task_id = make(TaskState.QUEUED)
    life_cycle.mark_running({task_id: 60.0})
    first = columns(task_id)["began_at"]
    assert 59 < (utc_now() - first).total_seconds() < 180
    life_cycle.mark_waiting(task_id)
    life_cycle.mark_queued(task_id)
    life_cycle.mark_running({task_id: 1.0})
    assert columns(task_id)["began_at"] == first


def test_processes_that_move_tasks_at_once_leave_each_with_one_end(tmp_path, context):
    ids = [make(TaskState.WAITING, "contested") for _ in range(10)]
    in_processes(move, tmp_path, [0, 2, 4, 6])
    DB.session.rollback()
    for task_id in ids:
        after = columns(task_id)
        assert TaskState(after["state"]) in TERMINAL
        assert after["finished_at"] is not None
        expected = STATUS.get(TaskState(after["state"]), "FAILURE")
        assert after["task_status"] == expected
        log = ProcessingTask.get_by_id(task_id).task_log
        assert log.splitlines().count("end") == 1
