"""Tells whoever started a Celery worker that it takes tasks.

Loaded by the worker itself (``--include``). It says ``READY=1`` in the manner of
``sd_notify`` after each connection to the broker, so also when the broker was away for a
while; the signal ``worker_ready`` of Celery comes only after the first.
"""

import os
import socket
from typing import Any

from celery import bootsteps, current_app


class TellReady(bootsteps.StartStopStep):
    """The last step of the worker's connection to the broker."""

    requires = (
        "celery.worker.consumer.tasks:Tasks",
        "celery.worker.consumer.control:Control",
    )

    def start(self, parent: Any) -> None:
        """Tell it, when somebody listens."""
        address = os.environ.get("NOTIFY_SOCKET")
        if not address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                sender.sendto(b"READY=1", address.replace("@", "\0", 1))
            except OSError:
                # The listener has gone; the worker does not depend on it.
                pass


current_app.steps["consumer"].add(TellReady)
