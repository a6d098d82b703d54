"""Tasks that may be started again when their work is lost."""

import os
import signal
from pathlib import Path

import pytest
from helpers.faults import PATIENCE, Run
from helpers.processes import wait_until


def started(run, times):
    wait_until(lambda: len(run.starts()) == times, PATIENCE, f"{times} starts")
    return run.starts()[-1]


@pytest.mark.fault(
    "A process is killed in a task with several attempts", "restarted, then as usual"
)
def test_the_second_attempt_succeeds(site):
    run = site.submit("wait_with_attempts")
    os.kill(started(run, 1), signal.SIGKILL)
    started(run, 2)
    status = run.status()
    assert (status["status"], status["attempt"]) == ("PENDING", 2)
    assert "Attempt 1 was lost." in status["log"]
    run.let_go()
    status = run.ended()
    assert (status["state"], status["attempt"]) == ("succeeded", 2)
    assert status["log"].endswith("\nwaited")


@pytest.mark.fault(
    "A process is killed in one of a group of tasks with several attempts",
    "restarted, then as usual",
)
def test_a_group_goes_on_after_a_lost_attempt_of_one_of_its_parts(site):
    run = site.submit("wait_with_attempts", "group")
    parts = [Run(run.url, Path(f"{run.gate}.{number}")) for number in range(3)]
    is_one_started = lambda: any(part.starts() for part in parts)  # noqa: E731
    wait_until(is_one_started, PATIENCE, "a part is started")
    killed = next(part for part in parts if part.starts())
    os.kill(started(killed, 1), signal.SIGKILL)
    for part in parts:
        part.let_go()
    status = run.ended()
    assert (status["state"], status["attempt"]) == ("succeeded", 2)
    assert status["log"].endswith("\nwaited, waited, waited")
    assert len(killed.starts()) == 2


@pytest.mark.fault("All attempts of a task are killed", "lost, with the reason")
def test_after_the_last_attempt_the_task_is_lost(site):
    run = site.submit("wait_with_attempts")
    for attempt in (1, 2, 3):
        os.kill(started(run, attempt), signal.SIGKILL)
    status = run.ended()
    assert (status["status"], status["state"]) == ("FAILURE", "lost")
    assert status["attempt"] == 3
    assert len(run.starts()) == 3


@pytest.mark.fault(
    "A worker is killed in a task with several attempts", "restarted, then as usual"
)
def test_a_task_is_started_again_by_the_next_worker(site):
    run = site.submit("wait_with_attempts")
    started(run, 1)
    site.kill("worker")
    started(run, 2)
    run.let_go()
    status = run.ended()
    assert (status["state"], status["attempt"]) == ("succeeded", 2)


@pytest.mark.fault(
    "An attempt that has saved files is lost",
    "its files are removed, those saved before it stay",
)
def test_files_of_a_lost_attempt_are_not_listed(site):
    run = site.submit("save_and_wait", "after save_file")
    process = started(run, 1)
    wait_until(Path(f"{run.gate}.saved.{process}").exists, PATIENCE, "the file is saved")
    os.kill(process, signal.SIGKILL)
    started(run, 2)
    run.let_go()
    status = run.ended()
    assert [file["name"] for file in status["outputs"]] == ["out.txt", "attempt.txt"]


@pytest.mark.fault("A task with several attempts is canceled", "not restarted")
def test_a_cancelled_task_is_not_started_again(site):
    run = site.submit("wait_with_attempts")
    run.wait_until_started()
    run.cancel()
    status = run.ended()
    assert (status["state"], status["attempt"]) == ("cancelled", 1)
    assert len(run.starts()) == 1
