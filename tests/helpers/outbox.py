"""Tasks with subscribers, and the delivery of what they are told, without waiting for time."""

import socket
import threading
from contextlib import contextmanager

from sqlalchemy import update

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import database_time
from qhana_plugin_runner.db.models.tasks import (
    ProcessingTask,
    TaskUpdateSubscription,
    WebhookDelivery,
)
from qhana_plugin_runner.operations.webhooks.delivery import Delivery

TASK_URL = "http://public.example/tasks/1/"


def make_task_with(*subscriptions, task_url=TASK_URL):
    """Make a task with subscriptions, each a webhook and an event; return its id."""
    task = ProcessingTask(task_name="test")
    task.save()
    for href, event in subscriptions:
        TaskUpdateSubscription(
            task=task, webhook_href=href, task_href=task_url, event_type=event
        ).save()
    task.save(commit=True)
    return task.id


def deliver(app, delivery=None):
    """Make all calls that are due, and write down the answers."""
    delivery = delivery or Delivery()
    while delivery.turn() or not delivery.is_idle:
        pass


@contextmanager
def delivering(app):
    """Deliver as the maintenance does, which nobody does for an app of a test."""
    is_over, delivery = threading.Event(), Delivery()

    def work():
        while not is_over.wait(0.01):
            with app.app_context():
                delivery.turn()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def deliveries(task_id=None):
    """Return the rows of the outbox, oldest first."""
    query = DB.select(WebhookDelivery).order_by(WebhookDelivery.id)
    if task_id is not None:
        query = query.filter_by(task_id=task_id)
    DB.session.rollback()
    return list(DB.session.execute(query).scalars())


def make_due(**changes):
    """Let all rows that wait be due now; ``age`` seconds makes them that old."""
    if "age" in changes:
        changes = {"created_at": database_time(-changes["age"])}
    statement = update(WebhookDelivery).where(WebhookDelivery.due_at.is_not(None))
    DB.session.execute(statement.values(due_at=database_time(), **changes))
    DB.session.commit()


@contextmanager
def refusing():
    """Yield a port of loopback on which connections are refused."""
    with socket.socket() as closed:
        closed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        closed.bind(("127.0.0.1", 0))
        yield closed.getsockname()[1]
