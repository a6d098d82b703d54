"""Runs the jobs: a thread for each, that works while this process holds the job's lease."""

import atexit
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

from flask import Flask
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from ..db import DB
from ..db.transient import is_not_migrated
from ..util.flask_app import Environ
from .jobs import JOBS, Job
from .lease import hold_lease, release_lease
from .webhooks.by_worker import is_delivered_by_worker

AT_START = "qhana_at_start"
"""In the extensions of an app: functions of the app that are called once, in threads, when a
process begins with the maintenance."""

STOP_SECONDS = 0.5
"""How long a process that ends waits for its jobs."""

_logger = logging.getLogger(__name__)


def runs_maintenance(app: Flask) -> bool:
    """Whether web processes of this app do maintenance: never in tests of plugins."""
    return bool(app.config["MAINTENANCE"]) and not is_delivered_by_worker(app)


class Maintenance:
    """The jobs in this process.

    Args:
        app: for which the jobs work
        jobs: all of them by default
    """

    def __init__(self, app: Flask, jobs: Sequence[Job] = JOBS) -> None:
        self._app, self._jobs = app, jobs
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._threads: list[_JobThread] = []

    def start(self) -> None:
        """Start the threads, unless they are there. They end with the process."""
        with self._lock:
            if self._threads:
                return
            holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
            self._ends.clear()
            self._threads = [
                _JobThread(self._app, job, holder, self._ends) for job in self._jobs
            ]
            for thread in self._threads:
                thread.start()
            for look in self._app.extensions.get(AT_START, ()):
                threading.Thread(target=look, args=[self._app], daemon=True).start()
            # Let another process take over at once, and not when the leases expire.
            atexit.register(self.stop, STOP_SECONDS)

    def start_in_web_process(self) -> None:
        """Start unless another process is to do the work."""
        if not self._threads and runs_maintenance(self._app):
            self.start()

    def start_with_request(self, environ: Environ) -> None:
        """Start with the first request that a server gets, and not with those of test clients."""
        if not self._threads:
            if not environ.get("HTTP_USER_AGENT", "").startswith("Werkzeug/"):
                self.start_in_web_process()

    def stop(self, seconds: float | None = None) -> None:
        """Stop after the jobs that are being done, and give their leases back.

        Args:
            seconds: how long to wait in all; the lease of a job that takes longer expires
        """
        atexit.unregister(self.stop)
        self._ends.set()
        deadline = None if seconds is None else time.monotonic() + seconds
        for thread in self._threads:
            thread.join(deadline and max(0.0, deadline - time.monotonic()))
        self._threads = []


class _JobThread(threading.Thread):
    def __init__(self, app: Flask, job: Job, holder: str, ends: threading.Event) -> None:
        super().__init__(name=f"maintenance-{job.name}", daemon=True)
        self._app, self._job, self._holder, self._ends = app, job, holder, ends
        self._work = job.prepare()
        self._interval: float = app.config[job.interval]
        self._lease: float = app.config["MAINTENANCE_LEASE_SECONDS"]
        self._held = self._has_told_of_schema = False
        self._renew_at = self._due_at = time.monotonic()

    def run(self) -> None:
        pause = 0.0
        while not self._ends.wait(pause):
            pause = self._safely(self._turn)
        self._safely(self._release)  # after a failure, too, it may still be ours

    def _safely(self, work: Callable[[], float]) -> float:
        """Do a piece of work; when it fails, wait for the next one: it is tried again."""
        try:
            with self._app.app_context():
                return work()
        except (DBAPIError, RedisError, OperationalError) as error:
            self._tell_of(error)
        except Exception:
            _logger.exception("maintenance %s has failed", self._job.name)
        self._held = False
        self._renew_at = time.monotonic()  # it may still be ours
        return min(self._interval, self._lease / 3)

    def _tell_of(self, error: Exception) -> None:
        reason = str(getattr(error, "orig", error)).strip()
        if not isinstance(error, DBAPIError):
            text = "maintenance %s: the broker fails: %s"
        elif not is_not_migrated(error):
            text = "maintenance %s: the database fails: %s"
        elif not self._has_told_of_schema:  # it stays so until somebody does something
            self._has_told_of_schema = True
            text = "maintenance %s: the database lacks tables of this version (%s)"
            text += ": run `flask db upgrade`"
        else:
            return
        _logger.warning(text, self._job.name, reason)

    def _turn(self) -> float:
        """Do what is due, and return the seconds until something is."""
        if time.monotonic() >= self._renew_at:
            self._held = hold_lease(self._job.name, self._holder, self._lease)
            self._renew_at = time.monotonic() + self._lease / 3
        if not self._held:
            return self._renew_at - time.monotonic()
        if time.monotonic() >= self._due_at:
            more = self._work()
            DB.session.rollback()  # gives the connection back when a job only reads
            self._due_at = time.monotonic() + (0.0 if more else self._interval)
        return max(0.0, min(self._due_at, self._renew_at) - time.monotonic())

    def _release(self) -> float:
        release_lease(self._job.name, self._holder)
        return 0.0
