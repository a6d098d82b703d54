"""What the web server does besides answering: gunicorn loads this as its configuration."""

from typing import Any


def post_worker_init(worker: Any) -> None:
    """Start the maintenance in a process that has loaded the app."""
    worker.wsgi.extensions["qhana_maintenance"].start()
