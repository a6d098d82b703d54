"""The thread in a worker's main process that monitors the messages that the worker has.

Its heartbeats tell which they are, so that the others know what is lost with the worker. It stops
what is to be cancelled. It does not depend on the tasks: they may compute for hours.
"""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

from celery.concurrency.prefork import TaskPool as ProcessPool
from celery.worker import state as worker_state
from flask import Flask
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from ..db.transient import is_transient
from ..tasking import life_cycle
from ..tasking.in_flight import InFlight, Report
from ..tasking.limits import out_of_time
from ..tasking.messages import DELIVERY_ID, TASK_ID, end, message_of, worker_id
from ..tasking.temp_files import remove_folder
from ..util.current_message import working_on
from .about import about_worker
from .children import signal_group
from .drain import GiveBack, not_started
from .requeue import hand_over, requeue

MAX_MISSED = 5
"""Heartbeats that are missed before a worker counts as silent: a loaded machine delays some."""

CELERY_NOTICES = 15.0
"""Seconds in which Celery notices that a process has ended: it looks every 5."""

INTRODUCTION_SECONDS = 30.0
"""Seconds after which a worker tells again about itself: its clock, and its queues, may change."""

EXIT_SECONDS = 1.0
"""Seconds in which a worker ends whose tasks have no processes of their own: until then they run."""

STOP_SECONDS = 30.0
"""In which a worker that ends has to tell what has become of its tasks. Otherwise they are found to be
lost, or queued again, by the others."""

_logger = logging.getLogger(__name__)


class Monitor(threading.Thread):
    """Sends the heartbeats of one worker, and carries out what is asked of the worker.

    Args:
        app: for which the worker works
        registry: of the messages in flight in its broker
        worker: Celery's worker, with its pool and its consumer

    Attributes:
        current: that of this process, if it is a worker
    """

    current: ClassVar[Self | None] = None

    def __init__(self, app: Flask, registry: InFlight, worker: Any) -> None:
        super().__init__(name="monitor", daemon=True)
        self._app, self._registry, self._worker = app, registry, worker
        self._beat: float = app.config["TASK_HEARTBEAT_SECONDS"]
        self._grace: float = app.config["TASK_CANCEL_GRACE_SECONDS"]
        self._ends = threading.Event()
        self._work: "queue.Queue[Callable[[], None]]" = queue.Queue()
        self._since: dict[str, float] = {}  # when each message was first seen to run
        self._known_to_run: set[int] = set()  # tasks of which the database knows it
        self._stopping: dict[str, float] = {}  # when each message was first told to stop
        self._dead: dict[str, float] = {}  # since when the process of each is gone
        self._give_back: GiveBack | None = None  # when the worker is to end
        self._stop_all_at: float | None = None
        self._introduce_at = 0.0
        self._away = ""  # why broker or database cannot be reached, as it was logged
        self._stopped: set[str] = set()  # messages that were not done by then
        # Open as long as this process lives, whatever its threads are doing.
        self._connection = registry.connected_client(worker_id())

    def run(self) -> None:
        while not self._ends.wait(self._beat if self._work.empty() else 0.05):
            self._touch_file()
            self._safely(self.tick)
            self._do_work()
        self._do_work()

    def _do_work(self) -> None:
        while not self._work.empty() and self._safely(self._work.queue[0]):
            self._work.get()

    def _touch_file(self) -> None:
        """Show that this process lives, whatever broker and database do."""
        if file := self._app.config["WORKER_HEARTBEAT_FILE"]:
            try:
                Path(file).touch()
            except OSError as error:
                _logger.warning("WORKER_HEARTBEAT_FILE cannot be touched: %s", error)

    def _safely(self, work: Callable[[], None]) -> bool:
        """Do something; what fails while broker or database is away is done again later."""
        try:
            with self._app.app_context():
                work()
            self._away = ""
            return True
        except (RedisError, OperationalError) as error:
            if str(error) != self._away:
                _logger.warning(
                    "the broker cannot be told of this worker's tasks: %s", error
                )
            self._away = str(error)
        except Exception as error:
            if not is_transient(error):
                _logger.exception("the monitor of this worker has failed")
                return True  # it would fail again
            assert isinstance(error, DBAPIError)
            _logger.warning("the database fails: %s", str(error.orig).strip())
        self._ends.wait(min(self._beat, 1.0))
        return False

    def tick(self) -> None:
        """Tell what the worker has; stop what is to be stopped."""
        self._connection.ping()  # fails soon, unlike what follows
        at = self._registry.now()
        active = list(worker_state.active_requests)
        running = {delivery: r for r in active if (delivery := _delivery_id(r))}
        held = {
            (_task_id(request), _delivery_id(request))
            for request in [*running.values(), *not_started(self._worker)]
            if _delivery_id(request)
        }
        report = Report(at, held, {_task_id(request) for request in running.values()})
        is_known = self._registry.heartbeat(worker_id(), MAX_MISSED * self._beat, report)
        now = time.monotonic()
        for times in (self._since, self._stopping):
            for delivery_id in times.keys() - running.keys():
                del times[delivery_id]
        for delivery_id in running:
            self._since.setdefault(delivery_id, now)
        self._stop_cancelled(running, now)
        self._find_dead(running, now)
        if self._give_back is not None:
            self._give_back.run()
        if self._stop_all_at is not None and now >= self._stop_all_at:
            self._stop_all(running)
        self._write_running(running, now)
        if not is_known or now >= self._introduce_at:
            about = about_worker(self._app, self._registry, self._worker)
            self._registry.introduce(worker_id(), about)
            self._introduce_at = now + INTRODUCTION_SECONDS

    def _write_running(self, running: dict[str, Any], now: float) -> None:
        """Mark tasks as running: only those seen before, for most are done within a heartbeat."""
        self._known_to_run &= {_task_id(request) for request in running.values()}
        seconds: dict[int, float] = {}
        for delivery_id, request in running.items():
            if delivery_id in self._stopped:
                continue  # it is queued again, or has ended; Celery will notice
            ran, task_id = now - self._since[delivery_id], _task_id(request)
            if ran > 0 and task_id not in self._known_to_run:
                seconds[task_id] = max(ran, seconds.get(task_id, 0.0))
        if seconds:
            life_cycle.mark_running(seconds)
            self._known_to_run |= seconds.keys()

    def _find_dead(self, running: dict[str, Any], now: float) -> None:
        """Look for processes that have ended without Celery's noticing, which happens."""
        for delivery_id, request in running.items():
            if not has_processes(self._worker) or _is_alive(request.worker_pid):
                self._dead.pop(delivery_id, None)
            elif now - self._dead.setdefault(delivery_id, now) > CELERY_NOTICES:
                self.process_ended(request)
        for delivery_id in self._dead.keys() - running.keys():
            del self._dead[delivery_id]

    def _stop_cancelled(self, running: dict[str, Any], now: float) -> None:
        if not running or not has_processes(self._worker):
            return
        cancelled = self._registry.cancelled({_task_id(r) for r in running.values()})
        for delivery_id, request in running.items():
            # Its process may have begun with the next message since.
            if _task_id(request) not in cancelled or not _is_active(request):
                continue
            first = self._stopping.setdefault(delivery_id, now)
            if first == now:
                _kill(request.worker_pid, signal.SIGTERM)
            elif now - first >= self._grace:
                _kill(request.worker_pid, signal.SIGKILL)

    def drain(self, seconds: float | None = None) -> None:
        """The worker is to end: others take what it has not begun; call it in any thread.

        Args:
            seconds: after which it stops what still runs; never if not given
        """
        self._give_back = self._give_back or GiveBack(self._worker)
        if seconds is not None and self._stop_all_at is None:
            self._stop_all_at = time.monotonic() + seconds

    def _stop_all(self, running: Mapping[str, Any]) -> None:
        """Stop what runs, also what has begun since; done again until the worker has ended."""
        for delivery_id in running.keys() - self._stopped:
            if has_processes(self._worker):
                _kill(running[delivery_id].worker_pid, signal.SIGKILL)
        self._stopped |= running.keys()
        for delivery_id, request in running.items():
            self._hand_over(_task_id(request), delivery_id)
        if running and not has_processes(self._worker):
            # Threads cannot be stopped: the worker goes without waiting for them.
            if self._give_back is not None:
                self._give_back.run(is_last=True)
            self._registry.unregister_worker(worker_id())
            os._exit(0)

    def _hand_over(self, task_id: int, delivery_id: str) -> None:
        pause = 0.0 if has_processes(self._worker) else EXIT_SECONDS
        reason = "its worker was stopped before it was done."
        hand_over(self._registry, task_id, delivery_id, reason, pause)

    def process_ended(self, request: Any, cause: str = "") -> None:
        """A process of this worker has ended with a message that it ran."""
        self._work.put(partial(self._clear_up, request))
        task_id, delivery_id = _task_id(request), _delivery_id(request)
        if delivery_id in self._stopped:
            self._work.put(partial(self._hand_over, task_id, delivery_id))
            return
        reason = "Task failed: the process that worked on it has ended"
        reason += f" ({cause})." if cause else "."
        if self._app.config["TASK_MAX_MEMORY_BYTES"] is not None:
            reason += " Perhaps it needed more memory than TASK_MAX_MEMORY_BYTES allows."
        if delivery_id:
            lost = (task_id, delivery_id, reason)
            self._work.put(partial(requeue, self._registry, *lost))

    def timed_out(self, request: Any, seconds: float) -> None:
        """A message has exceeded its time limit, as it would the next time."""
        reason = out_of_time(seconds, self._app.config)
        self._work.put(partial(self._clear_up, request))
        if _delivery_id(request):
            self._work.put(partial(self._fail, request.request_dict, reason))

    def dropped(self, headers: Mapping[str, Any], reason: str) -> None:
        """End a task whose message is dropped, unless that was a second delivery of it."""
        if headers.get(TASK_ID):
            self._work.put(partial(self._fail_unclaimed, headers, reason))

    def _fail(self, headers: Mapping[str, Any], reason: str) -> None:
        with working_on(message := message_of(headers)):
            assert message.task_id is not None
            end(self._registry, message.task_id, partial(life_cycle.fail, log=reason))

    def _fail_unclaimed(self, headers: Mapping[str, Any], reason: str) -> None:
        task_id: int = headers.get(TASK_ID, 0)
        delivery_id = headers.get(DELIVERY_ID)
        messages = self._registry.entries([task_id])[task_id].messages
        if any(m.delivery_id == delivery_id and m.worker is None for m in messages):
            self._fail(headers, reason)

    def _clear_up(self, request: Any) -> None:
        """Remove what a message has left whose process has ended: processes and files."""
        if has_processes(self._worker):
            _kill(request.worker_pid, signal.SIGKILL)
            if delivery_id := _delivery_id(request):
                remove_folder(delivery_id)

    def close_in_child(self) -> None:
        """Close what a process of the pool has inherited, without closing it for this one."""
        if (connection := self._connection.connection) is not None:
            connection.disconnect()  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """End with the worker, which does not wait for long for a broker that is away."""
        self._ends.set()
        self.join(STOP_SECONDS)
        if not self.is_alive():
            self._safely(self._unregister)
            self._connection.close()

    def _unregister(self) -> None:
        self._connection.ping()
        self._registry.unregister_worker(worker_id())


def _task_id(request: Any) -> int:
    return int(request.request_dict.get(TASK_ID) or 0)


def _delivery_id(request: Any) -> str:
    return str(request.request_dict.get(DELIVERY_ID) or "")


def _is_active(request: Any) -> bool:
    return request in worker_state.active_requests


def has_processes(worker: Any) -> bool:
    return isinstance(worker.pool, ProcessPool)


def _is_alive(pid: int | None) -> bool:
    if not pid:
        return True  # it is not known yet which process it will be
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _kill(pid: int | None, number: int) -> None:
    """Send a signal to a process of the pool, and to all that its task has started."""
    if pid and pid != os.getpid():
        signal_group(pid, number)
