"""Workers are told to stop (SIGTERM) while tasks run and others are queued."""

import signal

import pytest
from helpers.faults import PATIENCE
from helpers.processes import wait_until


@pytest.mark.fault(
    "A worker is stopped in a long task", "failed when the time for it is over, says why"
)
@pytest.mark.fault(
    "A worker is stopped while tasks are queued", "they run once in the next worker"
)
def test_a_long_task_fails_and_queued_ones_run_elsewhere(site):
    queues, waiting = [], []
    for pool in ("prefork", "threads", "solo"):
        options = ("--pool", pool, "--queues", f"stopped-{pool}", "--concurrency", "1")
        queues.append(options[3])
        with site.worker(*options, TASK_SHUTDOWN_SECONDS="0.5") as (process, _log):
            run = site.submit("wait", queue=options[3])
            run.wait_until_started()
            waiting += [site.submit("greet", queue=options[3]) for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            status = run.ended()
            assert (status["status"], status["state"]) == ("FAILURE", "failed"), pool
            assert "its worker was stopped" in status["log"]
            assert process.wait(PATIENCE) == 0
    assert [other.status()["status"] for other in waiting] == 9 * ["PENDING"]
    with site.worker("--queues", ",".join(queues), "--concurrency", "1"):
        for other in waiting:
            assert other.ended()["state"] == "succeeded"
            assert len(other.starts()) == 1


@pytest.mark.fault("A worker is stopped in a short task", "the task ends as it should")
def test_a_short_task_may_end(site):
    options = ("--queues", "short", "--concurrency", "1")
    with site.worker(*options, TASK_SHUTDOWN_SECONDS="60") as (process, log):
        run = site.submit("wait", queue="short")
        run.wait_until_started()
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in log.read_text(), PATIENCE, "the signal")
        assert run.status()["status"] == "PENDING"
        run.let_go()
        assert run.ended()["state"] == "succeeded"
        assert process.wait(PATIENCE) == 0
