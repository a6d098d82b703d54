"""Tasks that end in ways that nobody wants, or in ways of their own."""

import pytest
from helpers.faults import PATIENCE, Run
from helpers.processes import wait_until

FAILED = "failed, with the reason in the log"
LOST = "lost, with the reason in the log"

INTERRUPT = "A task raises `KeyboardInterrupt`, or another `BaseException`"
SILENT = "A task raises `Ignore` or `Reject` of Celery"


def row(fault, what, state, log):
    mark = pytest.mark.fault(fault, FAILED if state == "failed" else LOST)
    return pytest.param(what, state, log, id=what, marks=mark)


@pytest.mark.parametrize("how", ["chain", "lone"])
@pytest.mark.parametrize(
    "what, state, log",
    [
        row("A task calls `sys.exit`", "call_exit", "failed", "called exit(3)"),
        row(INTERRUPT, "raise_interrupt", "failed", "raised KeyboardInterrupt"),
        row(INTERRUPT, "raise_unusual", "failed", "raised Unusual: unusual"),
        row(SILENT, "raise_ignore", "failed", "raised Ignore: nothing"),
        row(SILENT, "raise_reject", "failed", "raised Reject"),
        row("A task ends its process", "exit_hard", "lost", "process that worked on it"),
        row("A task crashes in C", "segfault", "lost", "signal 11"),
        row(
            "A task's error has NUL in its text", "raise_nul", "failed", "ValueError: nul"
        ),
        row("A task's error has a surrogate", "raise_surrogate", "failed", "Error: surr"),
        row("A task exceeds its time limit", "too_long", "failed", "time limit"),
    ],
)
def test_it_ends_with_a_readable_log(site, what, state, log, how):
    status = site.submit(what, how).ended()
    assert (status["status"], status["state"]) == ("FAILURE", state)
    if state == "lost":  # the worker says why, but the maintenance may see it first
        assert log in status["log"] or "its worker has dropped it" in status["log"]
    else:
        assert log in status["log"]


@pytest.mark.fault("A worker does not know the name of a task", FAILED)
def test_a_task_that_no_worker_knows_ends_at_once(site):
    status = site.submit("greet", "unknown").ended()
    assert status["state"] == "failed"
    name = "'trouble@v1-0-0.not-there'"
    assert f"no worker knows {name}. Restart the worker" in status["log"]


@pytest.mark.fault("A task returns something other than text", FAILED)
def test_a_chain_whose_task_returns_a_number_fails(site):
    status = site.submit("number").ended()
    assert status["state"] == "failed"
    assert "got int as log" in status["log"]


@pytest.mark.fault(
    "The last Celery task of a chain returns without ending the task",
    "waiting, until the plugin continues or somebody cancels it",
)
def test_a_lone_task_that_has_returned_waits(site):
    run = site.submit("number", "lone")
    run.wait_until_started()
    run.wait_for_state("waiting")
    site.wait_until_looked()
    assert run.status()["state"] == "waiting"
    assert run.cancel().json()["state"] == "cancelled"


@pytest.mark.fault("A task logs 5 MB", "succeeded, with the whole log")
def test_a_log_of_some_megabytes_is_complete(site):
    status = site.submit("log_much").ended()
    assert status["state"] == "succeeded"
    assert status["log"] == "x" * 5_000_000


@pytest.mark.fault("A task ends its row itself", "succeeded, as the plugin says")
def test_a_lone_task_may_end_by_itself(site):
    status = site.submit("finish_itself", "lone").ended()
    assert (status["state"], status["log"]) == ("succeeded", "by itself")


def parts(run):
    return [Run(run.url, run.gate.with_name(f"{run.gate.name}.{n}")) for n in range(3)]


@pytest.mark.fault(
    "A group of tasks with a task that joins them", "one end, after all of them"
)
def test_a_group_is_one_task(site):
    run = site.submit("wait", "group")
    parts_of_run = parts(run)
    parts_of_run[0].let_go()
    parts_of_run[0].wait_until_started()
    parts_of_run[1].let_go()
    assert run.status()["status"] == "PENDING"
    parts_of_run[2].let_go()
    status = run.ended()
    assert (status["state"], status["log"]) == ("succeeded", "waited, waited, waited")


@pytest.mark.fault("One of a group of tasks fails", FAILED)
def test_a_group_fails_with_one_of_its_parts(site):
    status = site.submit("raise_nul", "group").ended()
    assert status["state"] == "failed"


@pytest.mark.fault("A plugin retries its task (`retry`)", "one end, one attempt")
def test_a_task_that_is_repeated_by_its_plugin_is_one_attempt(site):
    run = site.submit("poll")
    wait_until(lambda: len(run.starts()) > 3, PATIENCE, "some repetitions")
    assert run.status()["status"] == "PENDING"
    run.let_go()
    status = run.ended()
    assert (status["state"], status["attempt"]) == ("succeeded", 1)


@pytest.mark.fault("A task is replaced by another (`replace`)", "one end")
def test_a_task_that_is_replaced_goes_on(site):
    run = site.submit("replaced")
    run.wait_until_started()
    assert run.status()["status"] == "PENDING"
    run.let_go()
    status = run.ended()
    assert (status["state"], status["log"]) == ("succeeded", "waited")


def test_a_file_that_a_task_has_saved_is_listed(site):
    status = site.submit("save_file").ended()
    assert [file["name"] for file in status["outputs"]] == ["out.txt"]


def test_a_running_task_shows_when_it_has_started_and_how_far_it_is(site):
    run = site.submit("report")
    status = run.wait_for_state("running")
    assert status["createdAt"] <= status["startedAt"]
    assert "finishedAt" not in status
    assert status["progress"]["value"] == 30
    run.let_go()
    status = run.ended()
    assert status["startedAt"] <= status["finishedAt"]
    assert status["progress"]["value"] == 100
