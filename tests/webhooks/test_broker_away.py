"""Tasks with subscribers change also while there is no broker."""

import pytest
from helpers.runner import runner
from helpers.worker import NO_BROKER

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskUpdateSubscription
from qhana_plugin_runner.tasks import save_task_result
from qhana_plugin_runner.webhooks import register_webhooks


@pytest.fixture
def app(tmp_path):
    with runner(tmp_path, CELERY=NO_BROKER, PLUGIN_FOLDERS=[]) as app:
        register_webhooks(app)
        yield app


def test_a_broker_that_is_away_is_logged_and_the_task_ends_all_the_same(app, caplog):
    with app.app_context():
        task = ProcessingTask(task_name="test")
        for path in ("first", "second"):
            TaskUpdateSubscription(
                task=task,
                webhook_href=f"http://localhost/{path}",
                task_href="http://localhost/tasks/1/",
                event_type="status",
            ).save()
        task.save(commit=True)
        save_task_result("done", db_id=task.id)
        assert ProcessingTask.get_with_details(task.id).is_ok
    (record,) = [r for r in caplog.records if r.name == "qhana_plugin_runner.webhooks"]
    assert "'status'" in record.message and "broker" in record.message
    assert CELERY.conf.broker_url == NO_BROKER["broker_url"]
