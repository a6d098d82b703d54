"""The maintenance delivers webhooks."""

from datetime import timedelta

from helpers.outbox import deliveries, make_task_with
from helpers.processes import wait_until

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.operations import Maintenance
from qhana_plugin_runner.operations.jobs import JOBS
from qhana_plugin_runner.operations.retention.clean_up import apply_retention
from qhana_plugin_runner.tasking.outbox import enqueue
from qhana_plugin_runner.tasks import save_task_result


def test_the_end_of_a_task_is_told_by_itself(working_app, webhook):
    maintenance = Maintenance(
        working_app, [j for j in JOBS if j.name == "webhook-delivery"]
    )
    maintenance.start()
    try:
        with working_app.app_context():
            task_id = make_task_with((webhook.url, None))
            save_task_result("done", db_id=task_id)
            assert {webhook.next_event()[1] for _ in range(2)} == {"status", "details"}
            wait_until(
                lambda: all(row.delivered_at for row in deliveries(task_id)),
                60,
                "the answers are written down",
            )
    finally:
        maintenance.stop()


def test_calls_that_were_made_are_forgotten_after_a_month(app, webhook):
    with app.app_context():
        task_id = make_task_with((webhook.url, None))
        for event, days in [("status", 31), ("steps", 29), ("details", 31)]:
            enqueue(task_id, event)
            DB.session.commit()
            row = deliveries(task_id)[-1]
            row.created_at -= timedelta(days=days)
            row.due_at = None if event != "details" else row.due_at + timedelta(days=1)
            DB.session.commit()
        apply_retention()
        assert [row.event_type for row in deliveries()] == ["steps", "details"]
