"""Workers and their processes are killed; what they were at is found, and nothing else is lost."""

import os
import signal

import pytest
from helpers.faults import PATIENCE
from helpers.processes import is_alive, wait_until


def assert_lost(run, reason):
    status = run.ended()
    assert (status["status"], status["state"]) == ("FAILURE", "lost")
    assert reason in status["log"]
    assert status["finishedAt"] >= status["createdAt"]


@pytest.mark.fault("The process of a running task is killed", "lost, with the reason")
@pytest.mark.parametrize("how", ["chain", "lone", "step"])
def test_a_task_whose_process_is_killed_is_lost(site, how):
    run = site.submit("with_children", how)
    run.wait_until_started()
    family = run.family()
    os.kill(run.starts()[0], signal.SIGKILL)
    assert_lost(run, "the process that worked on it has ended")
    wait_until(family.is_gone, PATIENCE, "the end of its children")
    wait_until(lambda: not family.folder.exists(), PATIENCE, "its temporary files gone")
    assert site.submit("greet").ended()["state"] == "succeeded"


@pytest.mark.fault("A worker is killed with running tasks", "lost, with the reason")
@pytest.mark.fault(
    "A worker is killed while tasks are queued", "they run once in the next worker"
)
def test_what_runs_is_lost_with_a_worker_and_what_is_queued_is_not(site):
    running = [site.submit("wait"), site.submit("with_children", "lone")]
    for run in running:
        run.wait_until_started()
    family = running[1].family()
    queued = [site.submit("greet") for _ in range(5)]
    site.kill("worker")
    for run in running:
        assert_lost(run, "its worker has died")
        wait_until(lambda: not is_alive(run.starts()[0]), PATIENCE, "its process's end")
    wait_until(family.is_gone, PATIENCE, "the end of a task's children")
    wait_until(lambda: not family.folder.exists(), PATIENCE, "its temporary files gone")
    for run in queued:
        assert run.ended()["state"] == "succeeded"
        assert len(run.starts()) == 1


@pytest.mark.fault(
    "A task computes in C for a long time, and no other thread of its process runs",
    "continues",
)
def test_a_task_that_computes_in_c_is_not_lost(site):
    """Its worker speaks for it: the process is one of its pool."""
    run = site.submit("compute_in_c")
    run.wait_until_started()
    site.wait_until_looked()
    assert run.status()["status"] == "PENDING"
    run.end_computing()
    assert run.ended()["state"] == "succeeded"


@pytest.mark.fault("A task waits for a person", "waits, however often it is checked")
def test_a_task_with_an_open_step_is_not_lost(site):
    run = site.submit("greet", "step")
    run.wait_for_state("waiting")
    site.wait_until_looked()
    assert run.status()["state"] == "waiting"
    site.step(run, "greet")
    status = run.ended()
    assert (status["state"], status["log"]) == ("succeeded", "hello\nhello")
