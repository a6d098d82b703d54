"""Delivery where nothing runs in the background: by the worker that a plugin's test starts.

The maintenance does not run in tests of plugins. There a Celery task makes the calls, one after
the other, and is sent whenever a transaction has added some to the outbox. What fails is called
again with the next change.
"""

import logging

from flask import Flask, current_app
from kombu.exceptions import OperationalError
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from ...celery import CELERY
from ...db import DB
from ...tasking.outbox import ADDED
from .delivery import Delivery

__all__ = ["deliver_webhooks", "is_delivered_by_worker"]

_COMMITTED = "qhana_calls_committed"

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


@event.listens_for(DB.session, "after_commit")
def _after_commit(session: Session) -> None:
    if not session.in_nested_transaction() and session.info.pop(ADDED, False):
        session.info[_COMMITTED] = True


@event.listens_for(DB.session, "after_soft_rollback")
def _after_rollback(session: Session, _previous: SessionTransaction) -> None:
    if not session.in_nested_transaction():
        session.info.pop(ADDED, None)


@event.listens_for(DB.session, "after_transaction_end")
def _send(session: Session, transaction: SessionTransaction) -> None:
    """Send the task now that the session can be used again: an eager one runs at once."""
    if transaction.parent is not None or not session.info.pop(_COMMITTED, False):
        return
    if is_delivered_by_worker(current_app):
        try:
            deliver_webhooks.apply_async()
        except OperationalError as error:
            _logger.warning("webhooks are not called: %s", error)
