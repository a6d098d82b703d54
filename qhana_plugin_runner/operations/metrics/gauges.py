"""What all processes share, read from the database and the broker when somebody asks."""

import logging
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from flask import Flask
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from ...celery import CELERY
from ...db.db import database_time
from ...db.models.subscriptions import WebhookDelivery
from ...db.models.tasks import ProcessingTask, TaskFile
from ...db.prepared import read_connection
from ...tasking.broker import in_flight
from ...tasking.life_cycle import TaskState
from ...version import runner_version
from ...worker.broker_queues import Queues
from ..health.result import Check, Outcome
from ..health.running import Health
from .definitions import metric

MIN_AGE = 5.0
"""Seconds in which a service is asked once, however many ask for metrics."""

MAX_SHARE = 0.05
"""Of its time, what a service works for metrics at most: what takes longer is asked less often."""

PATIENCE = 5.0
"""Seconds in which a service has to tell what it knows: Prometheus gives up after 10."""

_logger = logging.getLogger(__name__)

Values = Mapping[str, float] | float
"""The value of a metric, or its values by that of its label."""


def _family(name: str, values: Values) -> GaugeMetricFamily:
    row = metric(name)
    family = GaugeMetricFamily(name, row.text, labels=row.labels)
    if isinstance(values, Mapping):
        for label, value in values.items():
            family.add_metric([label], value)
    else:
        family.add_metric([], values)
    return family


def _of_database(_app: Flask) -> Iterator[tuple[str, Values]]:
    task, call, file = ProcessingTask, WebhookDelivery, TaskFile
    states = select(task.state, func.count()).group_by(task.state)
    pending = select(func.count(), func.min(call.created_at), database_time())
    size, store = func.sum(file.size), file.storage_provider
    with read_connection() as connection:
        found = {state: count for state, count in connection.execute(states)}
        calls, oldest, now = connection.execute(
            pending.where(call.due_at.is_not(None))
        ).one()
        stores = connection.execute(select(store, size).group_by(store)).all()
    # Rows that were made by a process of an earlier version have no state.
    known = {state.value: found.pop(state.value, 0) for state in TaskState}
    yield "qhana_tasks", known | ({"unknown": sum(found.values())} if found else {})
    yield "qhana_webhook_calls_pending", calls
    age = (now - oldest).total_seconds() if oldest else 0.0
    yield "qhana_webhook_oldest_call_age_seconds", max(0.0, age)
    yield "qhana_stored_bytes", {name: float(total or 0) for name, total in stores}


def _of_broker(app: Flask) -> Iterator[tuple[str, Values]]:
    registry = in_flight(app)
    if registry is None:  # no Redis server
        return
    backlogs = Queues(registry).backlogs(CELERY.amqp.queues)
    counts = {name: backlog.messages for name, backlog in backlogs.items()}
    yield "qhana_queue_messages", counts
    ages = {name: backlog.seconds for name, backlog in backlogs.items()}
    yield "qhana_queue_oldest_message_age_seconds", ages
    yield "qhana_workers", len(registry.live_workers())


_SERVICES: dict[str, Callable[[Flask], Iterable[tuple[str, Values]]]] = {
    "database": _of_database,
    "broker": _of_broker,
}


class RunnerGauges(Collector):
    """The same from each process and host: what is in the database, and in the broker."""

    def __init__(self, app: Flask) -> None:
        def check(
            name: str, read: Callable[[Flask], Iterable[tuple[str, Values]]]
        ) -> Check:
            return Check(
                name,
                name,
                lambda: Outcome([_family(*each) for each in read(app)]),
                is_vital=True,  # what it told before is no longer asked for
                max_age=MIN_AGE,
                patience=PATIENCE,
                max_share=MAX_SHARE,
            )

        self._services = Health(app, [check(*each) for each in _SERVICES.items()])

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what is known, a few seconds old at most."""
        ups = {}
        for name, result in self._services.results(PATIENCE).items():
            ups[name] = float(result.problem is None)
            if problem := result.problem:
                _logger.warning("no metrics of the %s: %s", name, problem.cause)
            else:
                yield from result.outcome.facts
        yield _family("qhana_service_up", ups)


class HostGauges(Collector):
    """What a service tells of itself, and of its host."""

    def __init__(self, app: Flask) -> None:
        self._folders = {"instance": Path(app.instance_path)}
        if app.config["DEFAULT_FILE_STORE"] == "local_filesystem":
            root = Path(app.instance_path, app.config["FILE_STORE_ROOT_PATH"])
            self._folders["files"] = root
        self._info = _family("qhana_build_info", {})
        self._info.add_metric([runner_version(), platform.python_version()], 1.0)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the version, and the disks."""
        yield self._info
        free, size = dict[str, float](), dict[str, float]()
        for label, folder in self._folders.items():
            if os.path.isdir(folder):  # and it can be seen
                size[label], _used, free[label] = shutil.disk_usage(folder)
        yield _family("qhana_disk_free_bytes", free)
        yield _family("qhana_disk_size_bytes", size)
