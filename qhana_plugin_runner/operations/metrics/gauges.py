"""What all processes share, read from the database and the broker when somebody asks."""

import logging
import os
import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from flask import Flask
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from ...celery import CELERY
from ...db.db import database_time
from ...db.models.subscriptions import WebhookDelivery
from ...db.models.task_details import read_connection
from ...db.models.tasks import ProcessingTask, TaskFile
from ...tasking.broker import in_flight
from ...tasking.life_cycle import TaskState
from ...version import runner_version
from ...worker.broker_queues import Queues
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


class _Service(NamedTuple):
    name: str
    read: Callable[[Flask], Iterable[tuple[str, Values]]]


_SERVICES = (_Service("database", _of_database), _Service("broker", _of_broker))


class _Told(NamedTuple):
    families: list[GaugeMetricFamily]
    is_up: bool


_NOTHING = _Told([], False)


class _Reading:
    """What a service has told, and when it may be asked again.

    It is asked in a thread of its own, at most one at a time: however long it takes to answer,
    what else there is to tell is told.
    """

    def __init__(self, service: _Service) -> None:
        self.service = service
        self._told = _NOTHING
        self._started = self._due_at = 0.0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def renew(self, app: Flask) -> None:
        """Begin to ask the service if it is time to, and nobody else does."""
        with self._lock:
            if self._thread is None and time.monotonic() >= self._due_at:
                self._started = time.monotonic()
                work, name = self._work, f"metrics-{self.service.name}"
                self._thread = threading.Thread(
                    target=work, args=[app], name=name, daemon=True
                )
                self._thread.start()

    def told(self) -> _Told:
        """Wait for what it tells, and return it: nothing if it takes too long."""
        thread = self._thread
        if thread is not None:
            thread.join(max(0.0, self._started + PATIENCE - time.monotonic()))
            if thread.is_alive():
                return _NOTHING
        return self._told

    def _work(self, app: Flask) -> None:
        self._told = self._read(app)
        end = time.monotonic()
        busy = (end - self._started) / MAX_SHARE if self._told.is_up else 0.0
        self._due_at = end + max(MIN_AGE, busy)
        self._thread = None

    def _read(self, app: Flask) -> _Told:
        try:
            with app.app_context():
                found = self.service.read(app)
                return _Told([_family(name, values) for name, values in found], True)
        except Exception as error:  # each driver has its own
            reason = str(getattr(error, "orig", error)).strip()
            _logger.warning("no metrics of the %s: %s", self.service.name, reason)
            return _NOTHING


class RunnerGauges(Collector):
    """The same from each process and host: what is in the database, and in the broker."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._readings = [_Reading(service) for service in _SERVICES]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield what is known, a few seconds old at most."""
        for reading in self._readings:
            reading.renew(self._app)
        ups = {}
        for reading in self._readings:
            families, is_up = reading.told()
            yield from families
            ups[reading.service.name] = float(is_up)
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
        disks = {
            label: shutil.disk_usage(folder)
            for label, folder in self._folders.items()
            if os.path.isdir(folder)  # and it can be seen
        }
        for name in ("free", "total"):
            values = {label: getattr(disk, name) for label, disk in disks.items()}
            shown = "size" if name == "total" else name
            yield _family(f"qhana_disk_{shown}_bytes", values)
