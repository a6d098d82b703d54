"""A task is cancelled while a worker is at one of its messages, and another one is queued."""

import pytest

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.tasking.cancel import CancelResult, cancel


@CELERY.task(name="cancel@v1.work", bind=True)
def work(self, db_id, do):
    do(db_id)


@pytest.fixture
def cancelled_at_work(registry, deliver, new_task):
    """Cancel a task at work that has sent another message, which a worker may have claimed."""

    def cancelled_at_work(other_is_claimed):
        def send_and_cancel(task_id):
            registry.register(task_id, "other", "queue")
            if other_is_claimed:
                assert registry.claim(task_id, "other", "worker").verdict == "ok"
            assert cancel(task_id) == CancelResult.CANCELLING

        task_id = new_task()
        work.apply_async(kwargs={"db_id": task_id, "do": None})
        deliver(work, task_id, do=send_and_cancel)
        return task_id

    return cancelled_at_work


def test_it_ends_with_what_was_running_as_nothing_else_starts(
    cancelled_at_work, registry, state_of
):
    task_id = cancelled_at_work(other_is_claimed=False)
    assert state_of(task_id) == "cancelled"
    assert registry.claim(task_id, "other", "worker").verdict != "ok"


def test_it_goes_on_while_a_worker_is_at_the_other_message(
    cancelled_at_work, registry, state_of
):
    task_id = cancelled_at_work(other_is_claimed=True)
    assert state_of(task_id) == "cancelling"
    assert registry.cancelled([task_id])
