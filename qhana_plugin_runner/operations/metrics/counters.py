"""What the processes of a service count themselves.

Importing this takes a while, as it imports prometheus_client: only processes do that count.
"""

import os
import threading
from functools import cache
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue

from ...util.metrics_folder import VARIABLE, process_slot
from .definitions import metric

_is_shared = bool(os.environ.get(VARIABLE))
if _is_shared:
    # Also where prometheus_client was imported before the folder was known.
    values.ValueClass = MultiProcessValue(process_slot)  # type: ignore[no-untyped-call]

disable_created_metrics()  # type: ignore[no-untyped-call]

_OWN = CollectorRegistry()


def _counter(name: str) -> Counter:
    row = metric(name)
    return Counter(name, row.text, row.labels, registry=_OWN)


def _histogram(name: str) -> Histogram:
    row = metric(name)
    return Histogram(name, row.text, row.labels, buckets=row.buckets, registry=_OWN)


_REQUESTS = _counter("qhana_http_requests_total")
_REQUEST_SECONDS = _histogram("qhana_http_request_duration_seconds")
_ENDS = _counter("qhana_tasks_ended_total")
_RUN_SECONDS = _histogram("qhana_task_run_duration_seconds")
_WAIT_SECONDS = _histogram("qhana_task_queue_wait_seconds")

_no_fork = threading.Lock()
"""Held while something is counted: a fork in between would leave locked to its child for ever what
prometheus_client locks."""

os.register_at_fork(
    before=_no_fork.acquire,
    after_in_parent=_no_fork.release,
    after_in_child=_no_fork.release,
)

# To look for the values of labels takes longer than to count.
_requests = cache(_REQUESTS.labels)
_request_seconds = cache(_REQUEST_SECONDS.labels)


def count_request(method: str, route: str, code: int, seconds: float) -> None:
    """Count an answer; each argument but the time has few values."""
    with _no_fork:
        _requests(method, route, code).inc()
        _request_seconds(method, route).observe(seconds)


def count_end(plugin: str, state: str) -> None:
    """Count the end of a task."""
    with _no_fork:
        _ENDS.labels(plugin, state).inc()


def count_run(plugin: str, seconds: float, waited: float | None) -> None:
    """Count a Celery task that a worker has run.

    Args:
        plugin: whose task it is.
        seconds: how long it took.
        waited: how long its message was in a queue, if that is known.
    """
    with _no_fork:
        _RUN_SECONDS.labels(plugin).observe(seconds)
        if waited is not None:
            _WAIT_SECONDS.labels(plugin).observe(waited)


def prepare_ends(plugin: str, states: list[str]) -> None:
    """Begin with 0: Prometheus sees no increase in a counter that begins with 1."""
    with _no_fork:
        for state in states:
            _ENDS.labels(plugin, state)


def add_counters(registry: Any) -> None:
    """Let a registry show what this process, and all that share its folder, have counted."""
    if _is_shared:
        MultiProcessCollector(  # type: ignore[no-untyped-call]
            registry, os.environ[VARIABLE]
        )
    else:
        registry.register(_OWN)
