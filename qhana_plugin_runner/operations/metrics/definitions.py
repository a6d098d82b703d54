"""The one table of metrics: names, labels, and what they tell.

What counts, what reads, and the page of the documentation all come from it. A label never holds
what a client may choose.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple


class Metric(NamedTuple):
    """A row of the table.

    Attributes:
        name: as Prometheus stores it; that of a histogram without ``_bucket``, ``_sum``, ``_count``.
        kind: in the words of Prometheus.
        labels: their names.
        of: what a value is about: ``service``, which each has counted for itself, so that they are
            added up; ``runner``, which is read from what all share, so that all tell the same;
            ``host``.
        text: what it tells, for people.
        buckets: the upper bounds of a histogram.
    """

    name: str
    kind: Literal["counter", "histogram", "gauge"]
    labels: tuple[str, ...]
    of: Literal["service", "runner", "host"]
    text: str
    buckets: tuple[float, ...] = ()


_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

_TASK_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)

METRICS = (
    Metric(
        "qhana_http_requests_total",
        "counter",
        ("method", "route", "code"),
        "service",
        "Completed requests.",
    ),
    Metric(
        "qhana_http_request_duration_seconds",
        "histogram",
        ("method", "route"),
        "service",
        "Time until the response was ready to be sent.",
        _REQUEST_SECONDS,
    ),
    Metric(
        "qhana_tasks_ended_total",
        "counter",
        ("plugin", "state"),
        "service",
        "Tasks whose end was written by this service.",
    ),
    Metric(
        "qhana_task_run_duration_seconds",
        "histogram",
        ("plugin",),
        "service",
        "Time that a worker spent on a Celery task.",
        _TASK_SECONDS,
    ),
    Metric(
        "qhana_task_queue_wait_seconds",
        "histogram",
        ("plugin",),
        "service",
        "Time that a message waited in a queue before a worker started it.",
        _TASK_SECONDS,
    ),
    Metric(
        "qhana_tasks",
        "gauge",
        ("state",),
        "runner",
        "Tasks in the database.",
    ),
    Metric(
        "qhana_queue_messages",
        "gauge",
        ("queue",),
        "runner",
        "Messages that wait for a worker.",
    ),
    Metric(
        "qhana_queue_oldest_message_age_seconds",
        "gauge",
        ("queue",),
        "runner",
        "How long the first message of a queue has waited; 0 if there is none.",
    ),
    Metric(
        "qhana_workers",
        "gauge",
        (),
        "runner",
        "Workers that are alive.",
    ),
    Metric(
        "qhana_webhook_calls_pending",
        "gauge",
        (),
        "runner",
        "Webhook calls that are due or will be retried.",
    ),
    Metric(
        "qhana_webhook_oldest_call_age_seconds",
        "gauge",
        (),
        "runner",
        "Age of the change that the oldest of these calls reports.",
    ),
    Metric(
        "qhana_stored_bytes",
        "gauge",
        ("store",),
        "runner",
        "Total size of the files of tasks, as far as it is known.",
    ),
    Metric(
        "qhana_service_up",
        "gauge",
        ("service",),
        "host",
        "Whether this host could read metrics from the database and the broker.",
    ),
    Metric(
        "qhana_disk_free_bytes",
        "gauge",
        ("folder",),
        "host",
        "Free space of the file system with the folder.",
    ),
    Metric(
        "qhana_disk_size_bytes",
        "gauge",
        ("folder",),
        "host",
        "Size of the file system with the folder.",
    ),
    Metric(
        "qhana_build_info",
        "gauge",
        ("version", "python"),
        "host",
        "Versions of the runner and of Python; always 1.",
    ),
)

_BY_NAME: Mapping[str, Metric] = {each.name: each for each in METRICS}


def metric(name: str) -> Metric:
    """Return the row of this name."""
    return _BY_NAME[name]
