"""Removes what is too old, again and again."""

import logging

from flask import current_app

from ..job import Job
from . import Limits, clean_up

__all__ = ["JOB"]

_logger = logging.getLogger(__name__)


def _run() -> None:
    removed = clean_up(Limits.from_config(current_app.config))
    for kind, amount in removed.items():
        if any(amount):
            _logger.info(
                "removed of %s: %d tasks, %d files of %d bytes",
                kind.replace("_", " "),
                *amount,
            )


JOB = Job("retention", "RETENTION_INTERVAL_SECONDS", _run)
