"""A real worker inside of the test's process, and brokers to go with it."""

import logging
from contextlib import contextmanager
from uuid import uuid4

from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging

from qhana_plugin_runner.celery import CELERY

QUICK = {
    "broker_url": "memory://",
    "result_backend": "cache+memory://",
    # Seconds between two looks into a queue; a second by default.
    "broker_transport_options": {"polling_interval": 0.01},
}

NO_BROKER = {
    # Nothing listens on the port of the discard service.
    "broker_url": "redis://127.0.0.1:9/0",
    "result_backend": "cache+memory://",
}


@contextmanager
def working():
    """Run a worker in a thread, for messages that are sent from now on.

    It works for the app that was made last. An app with the setting ``CELERY=QUICK`` has to be
    there before.
    """
    CELERY.control.purge()
    setup_logging.connect(_leave_logging)
    try:
        name = f"{uuid4().hex}@test"
        with start_worker(CELERY, pool="solo", perform_ping_check=False, hostname=name):
            # Starting a worker turns warnings into log lines, which pytest would not see.
            logging.captureWarnings(False)
            yield
            # It would look for the end every few seconds only. The message names it: when it ends
            # without it, the next worker finds it.
            CELERY.control.shutdown(destination=[name])
    finally:
        setup_logging.disconnect(_leave_logging)


def _leave_logging(**_kwargs):
    """Keep Celery from configuring the logging of the process, which belongs to pytest."""
