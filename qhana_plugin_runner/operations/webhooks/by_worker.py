"""Delivery where nothing runs in the background: by the worker that a plugin's test starts.

The maintenance does not run in tests of plugins. There a Celery task makes the calls, one after
the other, and is sent whenever a transaction has added some to the outbox. What fails is called
again with the next change.
"""

import logging

from flask import Flask
from kombu.exceptions import OperationalError

from ...celery import CELERY
from ...tasking.outbox import CALLS_ADDED
from .delivery import Delivery

_logger = logging.getLogger(__name__)


def is_delivered_by_worker(app: Flask) -> bool:
    """Whether an app is one in tests of plugins.

    These bring no broker, or one in memory, and expect a database that nobody else writes to.
    """
    broker = str(app.config["CELERY"].get("broker_url", ""))
    return app.testing or broker.startswith("memory:")


@CELERY.task(name="qhana-plugin-runner.deliver-webhooks", ignore_result=True)
def deliver_webhooks() -> None:
    """Call all webhooks that are due."""
    delivery = Delivery(in_threads=False)
    while delivery.turn():
        pass


@CALLS_ADDED.connect
def _send(app: Flask) -> None:
    if is_delivered_by_worker(app):
        try:
            deliver_webhooks.apply_async()
        except OperationalError as error:
            _logger.warning("webhooks are not called: %s", error)
