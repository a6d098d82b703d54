"""What looks lost and is not, and who may send a lost message again."""

import json

import pytest
from flask import Blueprint, current_app
from helpers.runner import runner
from redis.exceptions import RedisError

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import database_time
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.operations.lost_tasks import LostTasks
from qhana_plugin_runner.operations.waiting_tasks import expire_waiting_tasks
from qhana_plugin_runner.tasking import life_cycle
from qhana_plugin_runner.tasking.broker import in_flight
from qhana_plugin_runner.tasking.cancel import CancelResult, cancel
from qhana_plugin_runner.tasking.in_flight import Report
from qhana_plugin_runner.tasking.messages import DELIVERY_ID
from qhana_plugin_runner.tasking.owners import owner_of
from qhana_plugin_runner.tasking.removal import remove_task
from qhana_plugin_runner.worker import broker_queues
from qhana_plugin_runner.worker.requeue import hand_over, requeue

QUEUE = "qhana_plugin_runner"


@CELERY.task(name="supervised@v1.stubborn", attempts=3, attempt_delay=0.1)
def stubborn(db_id):
    """Work that may be begun three times."""


@CELERY.task(name="supervised@v1.careful")
def careful(db_id):
    """Work that is begun once."""


@pytest.fixture
def taken(registry, new_task):
    """A task whose message a worker that is no more has begun with: its id, and the token."""
    task_id = new_task()
    stubborn.apply_async(kwargs={"db_id": task_id})
    (entry,) = registry.entries([task_id])[task_id].messages
    registry.client.delete(QUEUE)
    registry.claim(task_id, entry.delivery_id, "gone")
    return task_id, entry.delivery_id


def test_a_look_does_not_read_what_the_messages_hold(registry, new_task, monkeypatch):
    """Thousands of them may wait, each with much, whatever its Celery task allows."""
    for work in (careful, stubborn):
        arguments = {"db_id": new_task(), "much": "x" * 1_000_000}
        CELERY.send_task(work.name, kwargs=arguments)
        (entry,) = registry.entries([arguments["db_id"]])[arguments["db_id"]].messages
        assert entry.payload["body"][1] == arguments
    monkeypatch.setattr(registry, "uptime", lambda: 60.0)
    before = registry.client.info("stats")["total_net_output_bytes"]
    LostTasks().run()
    after = registry.client.info("stats")["total_net_output_bytes"]
    assert 0 < after - before < 500_000


def attempt(task_id):
    return ProcessingTask.get_with_details(task_id).attempt


def test_of_two_who_find_a_message_lost_one_sends_it_again(registry, taken):
    task_id, token = taken
    for _ in range(2):
        requeue(registry, task_id, token, "lost", worker="gone")
    (entry,) = registry.entries([task_id])[task_id].messages
    assert entry.delivery_id != token and entry.worker is None
    assert (attempt(task_id), registry.client.llen(QUEUE)) == (2, 1)


def test_one_who_dies_before_it_has_sent_a_message_again_leaves_it_to_the_next(
    registry, taken, monkeypatch
):
    task_id, token = taken

    def die(*_args, **_kwargs):
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(CELERY, "send_task", die)
        requeue(registry, task_id, token, "lost", worker="gone")
    requeue(registry, task_id, token, "lost", worker="gone")  # that is dealt with
    assert registry.client.llen(QUEUE) == 0
    (entry,) = registry.entries([task_id])[task_id].messages
    requeue(registry, task_id, entry.delivery_id, "in no queue", worker="")
    (raw,) = registry.client.lrange(QUEUE, 0, -1)
    (last,) = registry.entries([task_id])[task_id].messages
    assert json.loads(raw)["headers"][DELIVERY_ID] == last.delivery_id
    assert registry.claim(task_id, last.delivery_id, "worker").verdict == "ok"


def test_one_who_was_overtaken_sends_what_does_not_start(registry, taken, monkeypatch):
    task_id, token = taken
    send = CELERY.send_task

    def be_overtaken(*args, **kwargs):
        monkeypatch.setattr(CELERY, "send_task", send)
        (entry,) = registry.entries([task_id])[task_id].messages
        requeue(registry, task_id, entry.delivery_id, "in no queue", worker="")
        return send(*args, **kwargs)

    monkeypatch.setattr(CELERY, "send_task", be_overtaken)
    requeue(registry, task_id, token, "lost", worker="gone")
    tokens = [
        json.loads(m)["headers"][DELIVERY_ID]
        for m in registry.client.lrange(QUEUE, 0, -1)
    ]
    verdicts = [registry.claim(task_id, each, "worker").verdict for each in tokens]
    assert sorted(verdicts) == ["ok", "unknown"]


def test_a_message_is_sent_again_as_it_was_sent_before(registry, new_task):
    task_id = new_task()
    limits = {"time_limit": 60, "soft_time_limit": 50, "expires": 3600, "retries": 2}
    stubborn.apply_async(kwargs={"db_id": task_id}, queue="other", **limits)
    (entry,) = registry.entries([task_id])[task_id].messages
    before = json.loads(registry.client.rpop("other"))["headers"]
    registry.claim(task_id, entry.delivery_id, "gone")
    requeue(registry, task_id, entry.delivery_id, "lost", worker="gone")
    after = json.loads(registry.client.rpop("other"))["headers"]
    same = ("id", "task", "timelimit", "expires", "retries", "root_id", "qhana_task")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert after["eta"] and not before["eta"]
    assert after[DELIVERY_ID] != before[DELIVERY_ID]


def test_a_second_resend_that_saw_the_same_attempt_does_nothing(registry, taken):
    task_id, _token = taken
    assert life_cycle.restart(task_id, "first", 1, 2)
    assert not life_cycle.restart(task_id, "second", 1, 2)
    assert attempt(task_id) == 2


def test_a_message_that_is_done_meanwhile_does_not_end_its_task(
    registry, taken, state_of
):
    task_id, token = taken
    registry.register(task_id, "next", QUEUE)
    registry.claim(task_id, "next", "worker")
    registry.complete(task_id, token)
    requeue(registry, task_id, token, "lost", worker="gone")
    assert state_of(task_id) == "queued"
    assert [
        entry.delivery_id for entry in registry.entries([task_id])[task_id].messages
    ] == ["next"]


def test_a_message_that_was_begun_meanwhile_is_not_sent_again(
    registry, new_task, state_of
):
    task_id = new_task()
    stubborn.apply_async(kwargs={"db_id": task_id})
    (entry,) = registry.entries([task_id])[task_id].messages
    registry.claim(task_id, entry.delivery_id, "worker")
    requeue(registry, task_id, entry.delivery_id, "in no queue", worker="")
    assert (state_of(task_id), attempt(task_id)) == ("queued", 1)


@pytest.mark.parametrize("work", [careful, stubborn])
def test_a_message_is_sent_again_that_is_lost_before_anyone_has_begun_with_it(
    registry, new_task, state_of, monkeypatch, work
):
    """As when a worker is killed that has just taken it from the queue."""
    monkeypatch.setattr(broker_queues, "MARGIN", 0.0)
    monkeypatch.setattr(registry, "uptime", lambda: 60.0)
    task_id = new_task()
    work.apply_async(kwargs={"db_id": task_id})
    lost_tasks = LostTasks()
    for _ in range(2):
        assert registry.client.rpop(QUEUE)
        for _ in range(2):
            lost_tasks.run()
        assert (state_of(task_id), attempt(task_id)) == ("queued", 1)
    headers = json.loads(registry.client.lindex(QUEUE, 0))["headers"]
    assert headers["eta"] is None
    (entry,) = registry.entries([task_id])[task_id].messages
    assert entry.delivery_id == headers[DELIVERY_ID]
    # From now on it counts what the Celery task allows.
    registry.claim(task_id, entry.delivery_id, "gone")
    requeue(registry, task_id, entry.delivery_id, "lost", worker="gone")
    end = {careful: ("lost", 1), stubborn: ("queued", 2)}
    assert (state_of(task_id), attempt(task_id)) == end[work]


def test_what_is_needed_to_send_a_message_again_is_kept_no_longer_than_that(
    registry, new_task
):
    for work, is_kept in ((careful, False), (stubborn, True)):
        task_id = new_task()
        work.apply_async(kwargs={"db_id": task_id})
        (entry,) = registry.entries([task_id])[task_id].messages
        assert entry.payload is not None
        registry.claim(task_id, entry.delivery_id, "worker")
        (entry,) = registry.entries([task_id])[task_id].messages
        assert (entry.payload is not None) == is_kept


def test_however_often_a_task_is_handed_over_its_attempts_stay(registry, taken):
    task_id, _token = taken
    for restart in range(5):
        (entry,) = registry.entries([task_id])[task_id].messages
        registry.claim(task_id, entry.delivery_id, "stopped")
        hand_over(registry, task_id, entry.delivery_id, "stopped")
        hand_over(registry, task_id, entry.delivery_id, "stopped")  # that is dealt with
        assert registry.client.llen(QUEUE) == restart + 1
    assert attempt(task_id) == 1


@pytest.mark.parametrize("has_begun, state", [(True, "failed"), (False, "queued")])
def test_a_task_that_may_not_be_repeated_is_handed_over_before_it_begins(
    registry, new_task, state_of, has_begun, state
):
    task_id = new_task()
    careful.apply_async(kwargs={"db_id": task_id})
    (entry,) = registry.entries([task_id])[task_id].messages
    if has_begun:
        registry.claim(task_id, entry.delivery_id, "stopped")
    hand_over(registry, task_id, entry.delivery_id, "its worker was stopped")
    assert state_of(task_id) == state
    assert registry.client.llen(QUEUE) == (1 if has_begun else 2)
    if has_begun:
        assert (
            "its worker was stopped" in ProcessingTask.get_with_details(task_id).task_log
        )


def test_a_message_that_another_has_overtaken_is_not_lost(
    registry, new_task, state_of, monkeypatch
):
    monkeypatch.setattr(broker_queues, "MARGIN", 0.0)
    monkeypatch.setattr(registry, "uptime", lambda: 60.0)
    first, second = new_task(), new_task()
    for task_id in (first, second):
        stubborn.apply_async(kwargs={"db_id": task_id})
    # As if the second had been sent before the first, although it was noted after it.
    assert registry.client.rpoplpush(QUEUE, QUEUE)
    oldest = json.loads(registry.client.lindex(QUEUE, -1))
    assert oldest["headers"]["qhana_task"] == second
    (entry,) = registry.entries([first])[first].messages
    assert not broker_queues.Queues(registry).may_have(entry)
    lost_tasks = LostTasks()
    for _ in range(3):
        lost_tasks.run()
    assert state_of(first) == state_of(second) == "queued"


def test_a_task_with_the_id_of_a_removed_one_is_not_cancelled(registry, taken):
    """As in a database that was made anew, while the broker stayed."""
    task_id, token = taken
    registry.complete(task_id, token)
    life_cycle.mark_waiting(task_id)
    assert cancel(task_id) is CancelResult.CANCELLED
    remove_task(task_id)
    DB.session.remove()
    task = ProcessingTask("a-task")
    task.id = task_id
    task.save(commit=True)
    registry.register(task_id, "new", QUEUE)
    assert registry.claim(task_id, "new", "worker").verdict == "ok"


def test_a_task_with_the_id_of_one_that_was_lost_starts_when_it_is_sent_again(
    registry, new_task, state_of, monkeypatch
):
    """As in a database that was made anew, while the broker stayed."""
    monkeypatch.setattr(registry, "uptime", lambda: 60.0)
    monkeypatch.setattr(broker_queues, "MARGIN", 0.0)
    task_id = new_task()
    registry.tombstone(task_id)
    stubborn.apply_async(kwargs={"db_id": task_id})
    (entry,) = registry.entries([task_id])[task_id].messages
    assert registry.claim(task_id, entry.delivery_id, "worker").verdict == "ended"
    registry.client.delete(QUEUE)  # the worker has dropped it
    lost_tasks = LostTasks()
    for _ in range(2):
        lost_tasks.run()
    (entry,) = registry.entries([task_id])[task_id].messages
    assert registry.claim(task_id, entry.delivery_id, "worker").verdict == "ok"
    assert (state_of(task_id), attempt(task_id)) == ("queued", 1)


def test_a_view_that_does_not_commit_its_last_change_leaves_its_task_queued(
    app, registry, state_of
):
    views = Blueprint("views", __name__)

    @views.route("/start")
    def start():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        stubborn.apply_async(kwargs={"db_id": task.id})
        task.progress_unit = "items"
        return str(task.id)

    app.register_blueprint(views)
    task_id = int(app.test_client().get("/start").text)
    assert state_of(task_id) == "queued"
    assert len(registry.entries([task_id])[task_id].messages) == 1


def test_a_lone_message_with_the_id_of_another_task_belongs_to_that_one(new_task):
    sender, other = new_task(), new_task()
    assert owner_of("p@v1.x", [("p@v1.x", other)], sender) == other
    assert owner_of("p@v1.x", [("p@v1.x", sender)], sender) == sender
    assert owner_of("p@v1.x", [], sender) == sender


def test_a_preview_of_another_task_that_waits_for_a_step_belongs_to_its_sender(new_task):
    sender, other = new_task(), new_task()
    task = ProcessingTask.get_by_id(other)
    task.add_next_step("process/", "ui/", "step", commit=True)
    assert owner_of("p@v1.x", [("p@v1.x", other)], sender) == sender
    assert owner_of("p@v1.x", [("p@v1.x", other)], None) is None


def test_a_task_waits_for_ever_unless_the_operator_sets_an_end(app, new_task, state_of):
    task_id = new_task()
    task = ProcessingTask.get_by_id(task_id)
    DB.session.execute(
        DB.update(ProcessingTask).values(started_at=database_time(-3 * 24 * 60 * 60))
    )
    DB.session.commit()
    assert task.state == "waiting"
    expire_waiting_tasks()
    assert state_of(task_id) == "waiting"
    app.config["TASK_WAITING_DAYS"] = 2
    expire_waiting_tasks()
    assert state_of(task_id) == "failed"
    assert "made more than 2 days ago" in ProcessingTask.get_by_id(task_id).task_log


def test_the_time_limit_of_the_settings_is_that_of_celery(tmp_path, app):
    assert CELERY.conf.task_time_limit is None
    settings = {"TASK_TIME_LIMIT_SECONDS": 5.0, "PLUGIN_FOLDERS": []}
    (tmp_path / "limited").mkdir()
    with runner(tmp_path / "limited", **settings):
        assert CELERY.conf.task_time_limit == 5.0


def test_what_goes_on_meanwhile_has_not_waited_too_long(new_task, state_of):
    waiting, queued = new_task(), new_task()
    life_cycle.mark_queued(queued)
    for task_id in (waiting, queued):
        life_cycle.expire(task_id, "too long")
    assert (state_of(waiting), state_of(queued)) == ("failed", "queued")


@pytest.mark.parametrize("between", ["a look that fails", "a long time"])
def test_only_what_looks_lost_twice_in_a_row_is_lost(
    app, registry, new_task, state_of, monkeypatch, between
):
    monkeypatch.setattr(registry, "uptime", lambda: 60.0)
    task_id = new_task()
    stubborn.apply_async(kwargs={"db_id": task_id})
    registry.client.flushall()
    lost_tasks = LostTasks()
    lost_tasks.run()
    if between == "a long time":
        lost_tasks._looked_at -= 4 * app.config["TASK_CHECK_SECONDS"]
    else:
        with monkeypatch.context() as patch, pytest.raises(RedisError):
            patch.setattr(registry, "live_workers", fail)
            lost_tasks.run()
    lost_tasks.run()
    assert state_of(task_id) == "queued"
    lost_tasks.run()
    assert state_of(task_id) == "lost"


def fail():
    raise RedisError("away")


@CELERY.task(name="supervised@v1.forgotten")
def forgotten(db_id, with_step):
    """Work during which the broker loses its data."""
    task = ProcessingTask.get_by_id(db_id)
    if with_step:
        task.add_next_step("step/", "step-ui/", "one", commit=True)
    in_flight(current_app).client.flushall()


@pytest.mark.parametrize("with_step", [True, False])
def test_what_the_broker_forgets_at_work_waits_only_for_a_step(
    registry, new_task, state_of, deliver, monkeypatch, with_step
):
    monkeypatch.setattr(registry, "uptime", lambda: 60.0)
    task_id = new_task()
    arguments = {"with_step": with_step}
    forgotten.apply_async(kwargs={"db_id": task_id, **arguments})
    deliver(forgotten, task_id, **arguments)
    lost_tasks = LostTasks()
    for _ in range(2):
        lost_tasks.run()
    assert state_of(task_id) == ("waiting" if with_step else "lost")


@pytest.fixture
def cancelled(registry, new_task, monkeypatch):
    """A task that was to be cancelled by one who died right after he had told the broker."""
    monkeypatch.setattr(registry, "uptime", lambda: 60.0)
    task_id = new_task()
    stubborn.apply_async(kwargs={"db_id": task_id}, queue="nobody")
    registry.request_cancel(task_id)
    return task_id


@pytest.mark.parametrize("state", ["queued", "cancelling"])
def test_a_task_to_be_cancelled_ends_when_all_of_it_waits_in_queues(
    registry, cancelled, state_of, state
):
    """As when its process is stopped between the end of a message and that of the task."""
    if state == "cancelling":
        life_cycle.request_cancel(cancelled)
    lost_tasks = LostTasks()
    lost_tasks.run()
    assert state_of(cancelled) == state
    lost_tasks.run()
    assert state_of(cancelled) == "cancelled"
    assert registry.entries([cancelled])[cancelled].messages == []


def test_a_task_to_be_cancelled_goes_on_while_a_worker_has_it(
    registry, new_task, state_of, monkeypatch
):
    monkeypatch.setattr(registry, "uptime", lambda: 60.0)
    task_id = new_task()
    registry.register(task_id, "running", QUEUE)
    assert registry.claim(task_id, "running", "worker").verdict == "ok"
    assert cancel(task_id) is CancelResult.CANCELLING
    held = {(task_id, "running")}
    registry.heartbeat("worker", 60, Report(registry.now(), held, at_work={task_id}))
    lost_tasks = LostTasks()
    for _ in range(3):
        lost_tasks.run()
    assert state_of(task_id) == "cancelling"


def test_what_a_worker_keeps_for_later_is_lost_when_the_broker_has_lost_it(
    registry, new_task, state_of, monkeypatch
):
    monkeypatch.setattr(registry, "uptime", lambda: 60.0)
    ids = [new_task(), new_task()]
    for task_id in ids:
        stubborn.apply_async(kwargs={"db_id": task_id})
    held = {(task_id, "a token") for task_id in ids}
    registry.client.flushall()
    registry.heartbeat("worker", 60, Report(registry.now(), held, at_work={ids[0]}))
    lost_tasks = LostTasks()
    for _ in range(2):
        lost_tasks.run()
    assert [state_of(task_id) for task_id in ids] == ["queued", "lost"]
