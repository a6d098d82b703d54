"""An app whose tasks are supervised, on a real broker. No worker runs."""

import pytest
from helpers.runner import runner

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import messages
from qhana_plugin_runner.tasking.broker import in_flight
from qhana_plugin_runner.tasking.messages import DELIVERY_ID, TASK_ID

QUEUE = "qhana_plugin_runner"


@pytest.fixture
def app(tmp_path, broker_url):
    celery = {"broker_url": broker_url, "result_backend": broker_url}
    settings = {"CELERY": celery, "TESTING": False, "MAINTENANCE": False}
    with runner(tmp_path, PLUGIN_FOLDERS=[], **settings) as app:
        yield app
        in_flight(app).client.flushall()
        in_flight(app).client.close()
        app.extensions["qhana_task_changes"].close()
    CELERY.close()


@pytest.fixture
def deliver(app, registry):
    """Do the work of a task's one message, as a worker does that gets it."""

    def deliver(work, task_id, **arguments):
        (message,) = registry.entries([task_id])[task_id].messages
        headers = {TASK_ID: task_id, DELIVERY_ID: message.delivery_id}
        work.push_request(called_directly=False, **headers)
        try:
            work(db_id=task_id, **arguments)
            messages.complete(app, work, "SUCCESS", fail=pytest.fail)
        finally:
            work.pop_request()

    return deliver


@pytest.fixture
def registry(app):
    """The ledger."""
    return in_flight(app)


@pytest.fixture
def new_task(context):
    def new_task(**values):
        task = ProcessingTask("a-task", **values)
        task.save(commit=True)
        return task.id

    return new_task


@pytest.fixture
def state_of(context):
    return lambda task_id: ProcessingTask.get_with_details(task_id).state
