"""Configuration of gunicorn: the app is loaded once, before the web processes are forked."""

import gc
from typing import Any

preload_app = True


def on_starting(server: Any) -> None:
    """Prepare the loaded app for forks: close connections, and share its memory.

    A connection that plugins have opened while they were loaded would be used by all processes
    at once. Objects that the garbage collector leaves alone stay in pages that all share.
    """
    app = server.app.wsgi()
    with app.app_context():
        from ..db import DB

        for engine in DB.engines.values():
            engine.dispose()
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Start the maintenance in a web process, unless it runs elsewhere."""
    worker.wsgi.extensions["qhana_maintenance"].start()


def worker_exit(_server: Any, worker: Any) -> None:
    """Let another process take over the maintenance now, and not when the leases expire."""
    # There is none when it could not be loaded, or in the process that watches the others.
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions["qhana_maintenance"].stop(seconds=0.5)
