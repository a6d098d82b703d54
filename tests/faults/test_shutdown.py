"""Workers are told to stop (SIGTERM) while tasks run and others are queued."""

import signal

import pytest
from helpers.faults import PATIENCE
from helpers.processes import wait_until

POOLS = {"prefork": 2, "threads": 2, "gevent": 2, "solo": 1}
"""How many tasks a worker works on at a time with each pool."""


def options_for(pool):
    queue, tasks = f"stopped-{pool}", POOLS[pool]
    return "--pool", pool, "--queues", queue, "--concurrency", f"{tasks}"


@pytest.mark.fault(
    "A worker is stopped in a long task",
    "failed after the shutdown time, with the reason",
)
@pytest.mark.fault(
    "A worker is stopped in a long task with several attempts",
    "restarted by the next worker, without using up an attempt",
)
@pytest.mark.fault(
    "A worker is stopped while tasks are queued", "they run once in the next worker"
)
def test_a_long_task_is_given_up_and_queued_ones_run_elsewhere(site):
    queues, again, waiting = [], [], []
    for pool, tasks in POOLS.items():
        options = options_for(pool)
        queues.append(options[3])
        with site.worker(*options, TASK_SHUTDOWN_SECONDS="0.5") as (process, _log):
            work = ("wait_with_attempts", "wait")[:tasks]
            runs = [site.submit(what, queue=options[3]) for what in work]
            for run in runs:
                run.wait_until_started()
            waiting += [site.submit("greet", queue=options[3]) for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            for run in runs[1:]:
                status = run.ended()
                assert (status["status"], status["state"]) == ("FAILURE", "failed"), pool
                assert "its worker was stopped" in status["log"]
            assert process.wait(PATIENCE) == 0
        again.append(runs[0])
    assert [run.status()["state"] for run in waiting + again] == 16 * ["queued"]
    for run in again:
        run.let_go()
    with site.consuming(*queues):
        for run in waiting:
            assert run.ended()["state"] == "succeeded"
            assert len(run.starts()) == 1
        for run in again:
            status = run.ended()
            assert (status["state"], status["attempt"]) == ("succeeded", 1)
            assert "Task queued again: its worker was stopped" in status["log"]
            assert len(run.starts()) == 2


@pytest.mark.fault("A worker is stopped in a short task", "the task ends normally")
@pytest.mark.fault(
    "A worker is stopped that holds a message with a countdown",
    "it is requeued immediately",
)
def test_a_short_task_may_end_and_what_has_not_begun_is_given_back(site):
    """A solo worker does not even get to know of the signal before its task is done."""
    options = options_for("solo")
    with site.worker(*options, TASK_SHUTDOWN_SECONDS="60") as (process, log):
        later = site.submit("repeat_after_3600", queue=options[3])
        site.wait_until_put_off()
        run = site.submit("wait", queue=options[3])
        run.wait_until_started()
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in log.read_text(), PATIENCE, "the signal")
        with site.broker() as broker:
            given_back = lambda: broker.llen(options[3]) == 1  # noqa: E731
            wait_until(given_back, PATIENCE, "the message is queued again")
        assert run.status()["status"] == "PENDING"
        run.let_go()
        assert run.ended()["state"] == "succeeded"
        assert process.wait(PATIENCE) == 0
        with site.broker() as broker:
            assert broker.llen(options[3]) == 1  # and not by Celery once more
    later.cancel()
    assert later.ended()["state"] == "cancelled"
