"""Calls the webhooks that wait in the outbox, and removes old rows of its log."""

from flask import current_app

from .job import Job
from .webhooks.delivery import Delivery

__all__ = ["JOB"]

DAY = 24 * 60 * 60


def deliver_webhooks() -> bool:
    """Do one turn of the delivery.

    Returns:
        whether there may be more to do at once
    """
    delivery: Delivery = current_app.extensions["qhana_webhooks"]
    more = delivery.turn()
    delivery.prune(older_than_seconds=current_app.config["WEBHOOK_LOG_DAYS"] * DAY)
    return more


JOB = Job("webhook-delivery", "WEBHOOK_INTERVAL_SECONDS", deliver_webhooks)
