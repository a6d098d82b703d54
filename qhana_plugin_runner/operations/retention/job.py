"""Removes what is too old: tasks, files, and rows of the webhooks' log."""

import logging

from flask import current_app

from ...db.db import DAY
from ...tasking.outbox import prune
from . import Limits, clean_up

__all__ = ["remove_what_is_too_old"]

_logger = logging.getLogger(__name__)


def remove_what_is_too_old() -> None:
    """Remove what is older than the settings allow."""
    prune(current_app.config["WEBHOOK_LOG_DAYS"] * DAY)
    removed = clean_up(Limits.from_config(current_app.config))
    for kind, amount in removed.items():
        if amount:
            what = ", ".join(f"{number} {unit}" for unit, number in amount.items())
            _logger.info("removed of %s: %s", kind.replace("_", " "), what)
