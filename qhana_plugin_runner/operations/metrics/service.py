"""The metrics of one app in this process: who counts, who shows."""

import logging
import os
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

from flask import Flask

from ...tasking.life_cycle import ENDED, TERMINAL
from ...util.flask_app import Environ, Head, RunnerFlask
from ...util.metrics_folder import VARIABLE, provide_folder

OTHER = "other"
"""Stands for all plugins that are not there, or no longer: they must not be any number."""

RUNNER = "runner"
"""Stands for the runner itself, as for uploads."""

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

_STARTED = "qhana_plugin_runner.started"

PORT_SECONDS = 5.0
"""Seconds between two looks whether the port is free: the worker before may still use it."""

_logger = logging.getLogger(__name__)


def metrics_of(app: Flask) -> "Metrics":
    """Return the metrics of an app."""
    metrics: Metrics = app.extensions["qhana_metrics"]
    return metrics


class Metrics:
    """What is counted for one app, and how it is shown."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._count_request: Callable[[str, str, int, float], None] | None = None
        self._registries: dict[bool, Any] = {}

    def count(self) -> Callable[[str, str, int, float], None]:
        """Count the ends of tasks, from now on, and return what counts a request."""
        if self._count_request is not None:
            return self._count_request
        with self._lock:
            if self._count_request is None:
                self._count_request = self._begin_to_count()
            return self._count_request

    def _begin_to_count(self) -> Callable[[str, str, int, float], None]:
        from .counters import count_request, prepare_ends

        states = sorted(state.value for state in TERMINAL)
        for plugin in (*self._app.extensions["qhana_plugins"].mounted, RUNNER, OTHER):
            prepare_ends(plugin, states)
        ENDED.connect(self._ended, sender=self._app)
        return count_request

    def begin(self) -> bool:
        """Count in a process that answers no requests, and show it where ``METRICS_PORT`` says.

        Returns:
            whether there is somebody to count for
        """
        port = self._app.config["METRICS_PORT"]
        if port:
            provide_folder()
        elif not os.environ.get(VARIABLE):
            return False
        self.count()
        if port:
            threading.Thread(target=self._serve, args=[port], daemon=True).start()
        return True

    def plugin(self, identifier: str | None) -> str:
        """Return the label of a plugin."""
        if not identifier:
            return RUNNER
        mounted = self._app.extensions["qhana_plugins"].mounted
        return identifier if identifier in mounted else OTHER

    def show(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics as text, and its type.

        Args:
            accept: the header with which Prometheus tells what it reads.
        """
        from prometheus_client.exposition import choose_encoder

        encode, content_type = choose_encoder(accept)
        return encode(self._registry(is_web=True)), content_type

    def _registry(self, is_web: bool) -> Any:
        from prometheus_client import CollectorRegistry

        from .counters import add_counters
        from .gauges import HostGauges, RunnerGauges

        with self._lock:
            if is_web not in self._registries:
                registry = CollectorRegistry(auto_describe=False)
                add_counters(registry)
                registry.register(HostGauges(self._app))
                if is_web:
                    registry.register(RunnerGauges(self._app))
                self._registries[is_web] = registry
            return self._registries[is_web]

    def _ended(self, _app: Flask, *, plugin: str | None, state: str) -> None:
        from .counters import count_end

        count_end(self.plugin(plugin), state)

    def _serve(self, port: int) -> None:
        """Show what this service counts to whoever reaches the port."""
        from prometheus_client import start_http_server

        host = self._app.config["METRICS_HOST"]
        registry, pause = self._registry(is_web=False), threading.Event()
        is_told = False
        while True:
            try:
                server, _thread = start_http_server(port, host, registry)
                break
            except OSError as error:
                if not is_told:
                    _logger.warning(
                        "no metrics at METRICS_PORT: %s port %s: %s; waiting until it is free, "
                        "as in a restart. Give each worker of a host another port.",
                        host,
                        port,
                        error.strerror or error,
                    )
                is_told = True
            pause.wait(PORT_SECONDS)
        os.register_at_fork(after_in_child=server.socket.close)
        _logger.info("metrics at http://%s:%s/metrics", host, port)


def count_requests(app: RunnerFlask, metrics: Metrics) -> None:
    """Count each answer of an app, and how long it took until it was ready."""

    def start(environ: Environ) -> None:
        environ[_STARTED] = perf_counter()

    def count(environ: Environ, head: Head) -> None:
        method, rule = environ["REQUEST_METHOD"], environ["werkzeug.request"].url_rule
        try:
            metrics.count()(
                method if method in METHODS else "other",
                rule.rule if rule else "unmatched",
                head.status,
                perf_counter() - environ[_STARTED],
            )
        except Exception:  # such as a folder that was removed
            _logger.exception("a request is not counted")

    app.environ_funcs.append(start)
    app.head_funcs.append(count)
