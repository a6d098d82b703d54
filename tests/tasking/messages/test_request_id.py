"""The id of a request goes along with all messages that it leads to."""

import json

import pytest
from celery.exceptions import Retry

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking.messages import REQUEST_ID
from qhana_plugin_runner.util.request_id import request_id
from qhana_plugin_runner.worker.requeue import requeue

QUEUE = "qhana_plugin_runner"


@CELERY.task(name="asked@v1.work", attempts=2, attempt_delay=0)
def work(db_id):
    """Tell for which request it works."""
    again.apply_async(kwargs={"db_id": db_id})
    return request_id()


@CELERY.task(name="asked@v1.again", bind=True)
def again(self, db_id):
    """Be sent again."""
    raise self.retry(countdown=0)


@pytest.fixture
def asked(app, context):
    """A request has sent a message for a task: the id of both."""

    @app.post("/ask")
    def ask():
        task = ProcessingTask("asked")
        task.save(commit=True)
        work.s(db_id=task.id).apply_async()
        return {"task": task.id}

    answer = app.test_client().post("/ask")
    return answer.headers["X-Request-ID"], answer.get_json()["task"]


@pytest.fixture
def take(registry):
    def take():
        """Take the next message of the queue, and return its headers."""
        message: dict = json.loads(registry.client.rpop(QUEUE))
        return message["headers"]

    return take


def do(task, headers, task_id):
    """Run a Celery task as a worker does that has got the message with these headers."""
    task.push_request(called_directly=False, **headers)
    try:
        return task(db_id=task_id)
    finally:
        task.request.to_the_end.close()
        task.pop_request()


def test_the_message_of_a_request_and_those_of_its_work_have_its_id(asked, take):
    known, task_id = asked
    first = take()
    assert first[REQUEST_ID] == known
    assert do(work, first, task_id) == known
    assert request_id() == ""
    second = take()
    assert (second["task"], second[REQUEST_ID]) == ("asked@v1.again", known)
    with pytest.raises(Retry):
        do(again, second, task_id)
    third = take()
    assert (third["retries"], third[REQUEST_ID]) == (1, known)


def test_a_lost_message_keeps_it_when_it_is_sent_again(asked, registry, take):
    known, task_id = asked
    take()
    (entry,) = registry.entries([task_id])[task_id].messages
    assert entry.request_id == known
    requeue(registry, task_id, entry.delivery_id, "lost")
    (again_,) = registry.entries([task_id])[task_id].messages
    assert (again_.request_id, take()[REQUEST_ID]) == (known, known)
