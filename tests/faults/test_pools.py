"""Tasks in threads, in greenlets, or in the process of the worker: no process of theirs can be killed."""

from contextlib import ExitStack
from functools import cache

import pytest

CANCELLED = ("FAILURE", "cancelled")


@pytest.fixture(scope="module")
def workers():
    """A function that returns the worker of a product with a pool, which is named as its queue."""
    with ExitStack() as stack:

        @cache
        def worker(site, pool):
            options = ("--pool", pool, "--queues", pool, "--concurrency", "1")
            return stack.enter_context(site.worker(*options))[0]

        yield worker


@pytest.fixture
def worker(workers, site, pool):
    """The worker with the pool of the test, as tests before have left it."""
    return workers(site, pool)


def assert_cancelled(run):
    status = run.ended()
    assert (status["status"], status["state"]) == CANCELLED
    assert status["log"].splitlines()[-1] == "The task was cancelled."


@pytest.mark.fault(
    "A task in threads or in a solo worker is canceled", "it stops when it checks"
)
@pytest.mark.parametrize("pool", ["threads", "solo"])
@pytest.mark.usefixtures("worker")
def test_a_task_that_cannot_be_stopped_is_asked_to(site, pool):
    run = site.submit("wait", queue=pool)
    run.wait_until_started()
    assert run.cancel().json()["state"] == "cancelling"
    site.wait_until_looked()
    assert run.status()["state"] == "cancelling"
    run.let_go()
    assert_cancelled(run)
    run = site.submit("cooperate", queue=pool)
    run.wait_until_started()
    run.cancel()
    assert_cancelled(run)


@pytest.mark.fault(
    "A task computes in C for a long time, and no other thread of its process runs",
    "continues",
)
@pytest.mark.parametrize("pool", ["threads", "solo"])
@pytest.mark.usefixtures("worker")
def test_a_task_that_computes_in_c_is_not_lost(site, pool):
    run = site.submit("compute_in_c", queue=pool)
    run.wait_until_started()
    site.wait_until_silent()
    site.wait_until_looked()
    assert run.status()["status"] == "PENDING"
    run.end_computing()
    assert run.ended()["state"] == "succeeded"


@pytest.mark.parametrize("pool", ["threads", "solo", "gevent"])
@pytest.mark.fault(
    "A task raises `KeyboardInterrupt`, or another `BaseException`",
    "failed, with the reason in the log",
)
def test_whatever_is_raised_ends_the_task_in_each_pool(site, pool, worker):
    runs = [site.submit(what, "lone", pool) for what in ("raise_interrupt", "greet")]
    status = runs[0].ended()
    runs[1].wait_for_state("waiting")  # the worker goes on
    assert worker.poll() is None
    assert status["state"] == "failed"
    assert "the task raised KeyboardInterrupt" in status["log"]


@pytest.mark.fault(
    "A plugin writes an end with a stale object after another end", "the first end stays"
)
@pytest.mark.parametrize("pool", ["threads"])
@pytest.mark.usefixtures("worker")
def test_the_end_of_an_old_object_comes_too_late(site, pool):
    run = site.submit("stale", queue=pool)
    run.wait_until_started()
    run.cancel()
    run.let_go()
    status = run.wait_for_state("cancelled", "succeeded")
    following = site.submit("greet", queue=pool)
    following.ended()  # the worker is done with the other one
    assert (status["status"], status["state"]) == CANCELLED
    assert run.status() == status
