"""Configuration of gunicorn: the app is loaded once, before the web processes are forked."""

import gc
from typing import Any

from qhana_plugin_runner.util.metrics_folder import provide_folder

preload_app = True
provide_folder()  # before a plugin imports prometheus_client


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
    app.extensions["qhana_metrics"].count()
    gc.collect()
    gc.freeze()


def when_ready(server: Any) -> None:
    """Warn when others than this machine reach what the server is bound to."""
    from ..security.sites import sites_of

    names = [listener.sock.getsockname() for listener in server.LISTENERS]
    sites = sites_of(server.app.wsgi())
    sites.listens_on(name[0] if isinstance(name, tuple) else "" for name in names)


def post_worker_init(worker: Any) -> None:
    """Start the maintenance in a web process, unless it runs elsewhere, and look at its health."""
    worker.wsgi.extensions["qhana_maintenance"].start_in_web_process()
    # On a busy host the first look takes longer than a probe waits.
    worker.wsgi.extensions["qhana_health"].results(deadline=0)
