"""Notifies the launcher, or another service manager, that a Celery worker takes tasks.

Loaded by the worker itself (``--include``). It sends ``READY=1`` (``sd_notify``) after each
connection to the broker, so also when the broker was away for a while; Celery's signal
``worker_ready`` comes only after the first.
"""

import os
import socket
from typing import Any

from celery import bootsteps, current_app


class NotifyReady(bootsteps.StartStopStep):
    """The last step of the worker's connection to the broker."""

    requires = (
        "celery.worker.consumer.tasks:Tasks",
        "celery.worker.consumer.control:Control",
    )

    def start(self, parent: Any) -> None:
        """Send the notification, if a service manager asks for it."""
        address = os.environ.get("NOTIFY_SOCKET")
        if not address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                sender.sendto(b"READY=1", address.replace("@", "\0", 1))
            except OSError:
                pass  # the listener has gone; the worker does not depend on it


current_app.steps["consumer"].add(NotifyReady)
