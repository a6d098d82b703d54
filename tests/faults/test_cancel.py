"""Tasks are cancelled, whatever they are doing."""

import threading
from contextlib import ExitStack

import pytest
import requests
from helpers.faults import PATIENCE
from helpers.processes import is_alive, wait_until
from helpers.receiver import receiving


def assert_cancelled(run):
    status = run.ended()
    assert (status["status"], status["state"]) == ("FAILURE", "cancelled")
    assert status["log"].splitlines()[-1] == "The task was cancelled."


@pytest.mark.fault("A queued task is canceled", "it never starts")
def test_a_queued_task_never_starts(site):
    blockers = [site.submit("wait"), site.submit("wait")]
    for blocker in blockers:
        blocker.wait_until_started()
    run, following = site.submit("greet"), site.submit("greet")
    answer = run.cancel()
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert_cancelled(run)
    for blocker in blockers:
        blocker.let_go()
    for other in [*blockers, following]:
        assert other.ended()["state"] == "succeeded"
    assert run.starts() == []
    assert_cancelled(run)


def row(fault, what):
    return pytest.param(
        what, marks=pytest.mark.fault(fault, "its process is stopped"), id=what
    )


@pytest.mark.parametrize(
    "what",
    [
        row("A task that runs in Python is canceled", "wait"),
        row("A task that computes in C is canceled", "hash_in_c"),
        row("A task in C with Python's lock held is canceled", "compute_in_c"),
        row("A task that ignores SIGTERM is canceled", "ignore_sigterm"),
    ],
)
def test_a_running_task_really_stops(site, what):
    run = site.submit(what)
    run.wait_until_started()
    (process,) = run.starts()
    if what == "ignore_sigterm":
        ignores = run.gate.with_name(f"{run.gate.name}.ignores")
        wait_until(ignores.exists, PATIENCE, "SIGTERM is ignored")
    answer = run.cancel()
    assert answer.status_code == 200
    assert answer.json()["state"] in ("cancelling", "cancelled")
    assert_cancelled(run)
    wait_until(lambda: not is_alive(process), PATIENCE, "the end of its process")


@pytest.mark.fault(
    "A task with child processes and temporary files is canceled", "they are removed, too"
)
def test_what_a_task_has_started_goes_with_it(site):
    run = site.submit("with_children")
    family = run.family()
    assert family.folder.is_dir()
    run.cancel()
    assert_cancelled(run)
    wait_until(family.is_gone, PATIENCE, "the end of the children")
    wait_until(lambda: not family.folder.parent.exists(), PATIENCE, "no temporary files")


@pytest.mark.fault("A task that waits for a person is canceled", "it ends at once")
@pytest.mark.parametrize("how", ["step first", "step"])
def test_a_task_between_steps_ends_at_once(site, how):
    run = site.submit("greet", how)
    run.wait_for_state("waiting")
    assert run.cancel().json()["state"] == "cancelled"
    assert_cancelled(run)


@pytest.mark.fault(
    "A task is canceled between two Celery tasks of a chain", "the second never starts"
)
def test_a_chain_is_cancelled_in_a_gap(site):
    with ExitStack() as stack:
        blocker = site.submit("wait", "after greet", queue="nobody")
        assert blocker.starts() == []
        stack.callback(blocker.let_go)
        # The second message is queued where no worker takes it from.
        wait_until(
            lambda: blocker.first().starts() != [], PATIENCE, "the first of the chain"
        )
        blocker.wait_for_state("queued", "running")
        blocker.cancel()
        assert_cancelled(blocker)
        with site.consuming("nobody"):
            other = site.submit("greet", queue="nobody")
            assert other.ended()["state"] == "succeeded"
        assert blocker.starts() == []


@pytest.mark.fault(
    "A finished task is canceled", "nothing changes, and the response says so"
)
def test_a_finished_task_stays_as_it_is(site):
    run = site.submit("greet")
    before = run.ended()
    answer = run.cancel()
    assert answer.status_code == 200
    assert answer.json()["message"]
    assert run.status() == before
    assert before["state"] == "succeeded"


@pytest.mark.fault("A task is canceled twice at once", "one end")
def test_of_two_who_cancel_at_once_both_are_answered(site):
    run = site.submit("wait")
    run.wait_until_started()
    answers = []
    barrier = threading.Barrier(2)

    def cancel():
        barrier.wait()
        answers.append(run.cancel())

    threads = [threading.Thread(target=cancel) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert_cancelled(run)
    assert run.status()["log"].count("cancelled") == 1


def test_a_task_that_is_not_there_cannot_be_cancelled(site):
    url = f"{site.product.url}tasks/999999/"
    answer = requests.post(url, json={"command": "cancel"}, timeout=30)
    assert answer.status_code == 404


@pytest.mark.fault(
    "A task with a subscriber is canceled", "the subscriber is notified once"
)
def test_who_has_subscribed_learns_it_once(site):
    with receiving() as receiver:
        run = site.submit("wait")
        run.wait_until_started()
        answer = run.command("subscribe", webhookHref=receiver.url, event="status")
        assert answer.status_code == 200, answer.text
        run.cancel()
        run.cancel()
        assert_cancelled(run)
        assert receiver.next_event()[1] == "status"
        # Its neighbour is told after it.
        following = site.submit("wait")
        following.command("subscribe", webhookHref=f"{receiver.url}/2", event="status")
        following.let_go()
        following.ended()
        assert receiver.next_call()[1].endswith("/2")
