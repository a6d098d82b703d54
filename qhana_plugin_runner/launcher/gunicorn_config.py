"""Configuration of gunicorn: the app is loaded once, before the web processes are forked."""

from typing import Any

from gunicorn.glogging import Logger

from qhana_plugin_runner.util.metrics_folder import provide_folder

preload_app = True
provide_folder()  # before a plugin imports prometheus_client

# The combined format of Apache, with id and seconds behind it.
access_log_format = (
    '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s" '
    "%({x-request-id}o)s %(L)s"
)


class RunnerLogger(Logger):
    """Gunicorn's logs, in JSON if all others are."""

    def setup(self, cfg: Any) -> None:
        """Make the handlers, also when the configuration is loaded again."""
        super().setup(cfg)
        from ..util.logging import dress_handlers

        dress_handlers()

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Log a request that is done: without its query, which may be secret, if in JSON."""
        if not self.access_log_enabled:
            return
        from ..util.current_message import CurrentMessage, working_on
        from ..util.logging import writes_json
        from ..util.request_id import request_id_in

        if not writes_json(self.access_log):
            super().access(resp, req, environ, request_time)
            return
        method, path = environ["REQUEST_METHOD"], environ["RAW_URI"].partition("?")[0]
        fields = {
            "method": method,
            "path": path,
            "status": resp.status_code,
            "duration": request_time.total_seconds(),
            "bytes": resp.sent,
            "client": environ.get("REMOTE_ADDR", ""),
        }
        with working_on(CurrentMessage(request_id=request_id_in(environ))):
            text = "%s %s %s"
            self.access_log.info(text, method, path, resp.status_code, extra=fields)


logger_class = RunnerLogger


def on_starting(server: Any) -> None:
    """Prepare the loaded app for forks: close connections.

    A connection that plugins have opened while they were loaded would be used by all processes
    at once.
    """
    app = server.app.wsgi()
    with app.app_context():
        from ..db import DB

        for engine in DB.engines.values():
            engine.dispose()
    app.extensions["qhana_metrics"].count()


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
