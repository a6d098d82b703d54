"""Time passes: people are slow, work is slow, and several look for what is lost at once."""

import json
import threading
from datetime import UTC, datetime

import pytest
from helpers.runner import runner
from kombu import Connection
from sqlalchemy import update

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import database_time
from qhana_plugin_runner.db.models.tasks import (
    ProcessingTask,
    TaskUpdateSubscription,
    WebhookDelivery,
)
from qhana_plugin_runner.operations.lost_tasks import LostTasks

WEEK = 7 * 24 * 60 * 60


@pytest.fixture
def app(site, tmp_path):
    """An app of this process on the database and the broker of the product."""
    environment = site.environment()
    broker = environment["BROKER_URL"]
    database = environment.get(
        "SQLALCHEMY_DATABASE_URI",
        f"sqlite:///{site.product.instance}/qhana_plugin_runner.db",
    )
    celery = {"broker_url": broker, "result_backend": broker}
    settings = {"SQLALCHEMY_DATABASE_URI": database, "CELERY": celery, "TESTING": False}
    with runner(tmp_path, tables=False, PLUGIN_FOLDERS=[], **settings) as app:
        with app.app_context():
            yield app
        CELERY.close()


@pytest.mark.fault("A person takes a week for a step", "the task waits, then continues")
def test_a_person_may_take_a_week_for_a_step(site, app):
    run = site.submit("greet", "step")
    run.wait_for_state("waiting")
    times = {"started_at": database_time(-WEEK), "began_at": database_time(-WEEK)}
    DB.session.execute(update(ProcessingTask).filter_by(id=run.id).values(**times))
    DB.session.commit()
    site.wait_until_looked()
    assert run.status()["state"] == "waiting"
    assert site.step(run, "greet").ended()["state"] == "succeeded"


@pytest.mark.fault("Two processes look for lost tasks at once", "each is ended once")
def test_a_task_is_ended_and_told_once_by_two_who_find_it_lost(app):
    tasks = [ProcessingTask("a-task") for _ in range(20)]
    for task in tasks:
        task.state = "queued"  # and no message of it is anywhere
        task.save()
        TaskUpdateSubscription(task, "http://127.0.0.1:9/", "http://x/", "status").save()
    DB.session.commit()
    ids = [task.id for task in tasks]
    looks, barrier = (LostTasks(), LostTasks()), threading.Barrier(2)

    def look(lost_tasks):
        with app.app_context():
            for _ in range(2):
                barrier.wait(60)
                lost_tasks.run()

    threads = [threading.Thread(target=look, args=(each,)) for each in looks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    DB.session.rollback()
    for number in ids:
        task = ProcessingTask.get_with_details(number)
        assert task.state == "lost"
        assert task.task_log.count("Task failed") == 1
        assert WebhookDelivery.query.filter_by(task_id=number).count() == 1


@pytest.mark.fault(
    "A task takes longer than the broker's visibility timeout", "runs once"
)
def test_work_that_outlasts_the_visibility_time_out_is_done_once(site, tmp_path):
    quick = {"broker_transport_options": {"visibility_timeout": 1}}
    settings = tmp_path / "quick.json"
    settings.write_text(json.dumps({"CELERY": quick}))
    named = {"QHANA_PLUGIN_RUNNER_SETTINGS": str(settings)}
    with site.worker("--queues", "quick", "--concurrency", "2", **named):
        run = site.submit("wait", queue="quick")
        run.wait_until_started()
        site.wait_until_looked()  # which takes longer than the time-out
        with site.broker() as broker:
            assert broker.hlen("unacked") == 0
        run.let_go()
        assert run.ended()["state"] == "succeeded"
        assert len(run.starts()) == 1


@pytest.mark.fault(
    "A retry of a task is due after the broker's visibility timeout", "runs once more"
)
def test_a_repetition_that_is_delivered_twice_is_done_once(site):
    said_before = len(site.product.log)
    run = site.submit("repeat_after_3")
    site.wait_until_put_off()
    with Connection(
        site.environment()["BROKER_URL"], transport_options={"visibility_timeout": 0}
    ) as connection:
        connection.default_channel.qos.restore_visible()
    assert run.ended()["log"] == "repeated"
    assert "does not start" in site.product.log[said_before:]
    assert len(run.starts()) == 2


@pytest.mark.fault(
    "A worker's clock is two hours off", "nothing is lost, times are right"
)
@pytest.mark.parametrize("hours", [-2, 2])
# With SQLite there is but one machine, and so one clock.
@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_the_clock_of_a_worker_does_not_matter(site, hours):
    with site.worker("--queues", "elsewhere", "--concurrency", "2", hours=hours):
        before = datetime.now(UTC)
        waiting = site.submit("wait", queue="elsewhere")
        repeated = site.submit("repeat_after_1", queue="elsewhere")
        waiting.wait_until_started()
        site.wait_until_looked()
        assert waiting.status()["state"] == "running"
        waiting.let_go()
        ends = [waiting.ended(), repeated.ended()]
    after = datetime.now(UTC)
    assert [end["state"] for end in ends] == ["succeeded", "succeeded"]
    assert [len(run.starts()) for run in (waiting, repeated)] == [1, 2]
    for end in ends:
        names = ("createdAt", "startedAt", "finishedAt")
        created, started, finished = (datetime.fromisoformat(end[name]) for name in names)
        assert before <= created <= started <= finished <= after
