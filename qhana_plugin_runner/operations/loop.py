"""Runs the jobs: a thread for each, that works while this process holds the job's lease."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from uuid import uuid4

from flask import Flask
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from ..db import DB
from .job import Job
from .lease import hold_lease, release_lease
from .lost_tasks import JOB as LOST_TASKS
from .retention.job import JOB as RETENTION
from .webhook_delivery import JOB as WEBHOOK_DELIVERY
from .webhooks.by_worker import is_delivered_by_worker

__all__ = ["JOBS", "Maintenance", "runs_maintenance"]

JOBS: tuple[Job, ...] = (LOST_TASKS, WEBHOOK_DELIVERY, RETENTION)

_logger = logging.getLogger(__name__)


def runs_maintenance(app: Flask) -> bool:
    """Whether processes of this app do maintenance: never in tests of plugins."""
    return bool(app.config["MAINTENANCE"]) and not is_delivered_by_worker(app)


class Maintenance:
    """The jobs in this process.

    Args:
        app: for which the jobs work
        jobs: all of them by default
    """

    def __init__(self, app: Flask, jobs: tuple[Job, ...] | None = None) -> None:
        self._app = app
        self._jobs = jobs
        self._stop = threading.Event()
        self._threads: list[_JobThread] = []

    def start(self) -> None:
        """Start the threads, if this app does maintenance. They end with the process."""
        if self._threads or not runs_maintenance(self._app):
            return
        jobs = JOBS if self._jobs is None else self._jobs
        holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._stop.clear()
        self._threads = [_JobThread(self._app, job, holder, self._stop) for job in jobs]
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float | None = None) -> None:
        """Stop after the jobs that are being done, and give their leases back.

        Args:
            seconds: how long to wait for each job; its lease expires when it takes longer
        """
        self._stop.set()
        for thread in self._threads:
            thread.join(seconds)
        self._threads = []


class _JobThread(threading.Thread):
    def __init__(self, app: Flask, job: Job, holder: str, stop: threading.Event) -> None:
        super().__init__(name=f"maintenance-{job.name}", daemon=True)
        self._app, self._job, self._holder = app, job, holder
        self._end = stop  # Thread has a _stop of its own
        self._interval: float = app.config[job.interval]
        self._lease: float = app.config["MAINTENANCE_LEASE_SECONDS"]
        self._held = False
        self._renew_at = self._due_at = time.monotonic()

    def run(self) -> None:
        pause = 0.0
        while not self._end.wait(pause):
            pause = self._safely(self._turn)
        if self._held:
            self._safely(self._release)

    def _safely(self, work: Callable[[], float]) -> float:
        """Do a piece of work; when it fails, wait for the next one: it is tried again."""
        try:
            with self._app.app_context():
                return work()
        except DBAPIError as error:
            reason = str(error.orig).strip()
            _logger.warning(
                "maintenance %s: the database fails: %s", self._job.name, reason
            )
        except (RedisError, OperationalError) as error:
            _logger.warning("maintenance %s: the broker fails: %s", self._job.name, error)
        except Exception:
            _logger.exception("maintenance %s has failed", self._job.name)
        self._held = False
        self._renew_at = time.monotonic()  # it may still be ours
        return min(self._interval, self._lease / 3)

    def _turn(self) -> float:
        """Do what is due, and return the seconds until something is."""
        if time.monotonic() >= self._renew_at:
            self._held = hold_lease(self._job.name, self._holder, self._lease)
            self._renew_at = time.monotonic() + self._lease / 3
        if not self._held:
            return self._renew_at - time.monotonic()
        if time.monotonic() >= self._due_at:
            more = self._job.run()
            DB.session.rollback()  # gives the connection back when a job only reads
            self._due_at = time.monotonic() + (0.0 if more else self._interval)
        return max(0.0, min(self._due_at, self._renew_at) - time.monotonic())

    def _release(self) -> float:
        release_lease(self._job.name, self._holder)
        return 0.0
