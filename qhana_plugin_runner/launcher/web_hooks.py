"""What the web server does besides answering: gunicorn loads this as its configuration."""

from typing import Any


def post_worker_init(worker: Any) -> None:
    """Start the maintenance in a process that has loaded the app."""
    worker.wsgi.extensions["qhana_maintenance"].start()


def worker_exit(_server: Any, worker: Any) -> None:
    """Let another process take over the maintenance now, and not when the leases expire."""
    # There is none when it could not be loaded, or in the process that watches the others.
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions["qhana_maintenance"].stop(seconds=0.5)
