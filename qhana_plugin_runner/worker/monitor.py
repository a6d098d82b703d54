"""The thread in a worker's main process that looks after the messages that the worker has.

It tells which they are, so that the others know what is lost with the worker, and stops what is
to be cancelled. It does not depend on the tasks: they may compute for hours.
"""

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from celery.concurrency.prefork import TaskPool as ProcessPool
from celery.worker import state as worker_state
from flask import Flask
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from ..tasking import life_cycle
from ..tasking.in_flight import Ledger, Report
from ..tasking.messages import OWNER, TOKEN, worker_id
from ..tasking.temp_files import remove_folder
from .children import signal_group
from .requeue import end, send_again

__all__ = ["Keeper", "has_processes", "token_of"]

SILENT_AFTER = 5
"""Heartbeats that are missed until a worker counts as silent: a loaded machine delays some."""

CELERY_NOTICES = 15.0
"""Seconds in which Celery notices that a process has ended: it looks every 5."""

GIVE_BACK_SECONDS = 2.0
"""Seconds in which a worker without processes puts back into the queues what has not begun."""

_logger = logging.getLogger(__name__)


class Keeper(threading.Thread):
    """Keeps the ledger informed of one worker, and carries out what is asked of the worker.

    Args:
        app: for which the worker works
        ledger: of its broker
        worker: Celery's worker, with its pool and its consumer
    """

    def __init__(self, app: Flask, ledger: Ledger, worker: Any) -> None:
        super().__init__(name="keeper", daemon=True)
        self._app, self._ledger, self._worker = app, ledger, worker
        self._beat: float = app.config["TASK_HEARTBEAT_SECONDS"]
        self._grace: float = app.config["TASK_CANCEL_GRACE_SECONDS"]
        self._ends = threading.Event()
        self._work: "queue.Queue[Callable[[], None]]" = queue.Queue()
        self._since: dict[str, float] = {}  # when each message was first seen to run
        self._told: set[int] = set()  # tasks of which the database knows that they run
        self._stopping: dict[str, float] = {}  # when each message was first told to stop
        self._dead: dict[str, float] = {}  # since when the process of each is gone
        self._stop_all_at: float | None = None
        # Open as long as this process lives, whatever its threads are doing.
        self._sign_of_life = ledger.connected_client(worker_id())

    def run(self) -> None:
        while not self._ends.wait(self._beat if self._work.empty() else 0.05):
            self._safely(self.tick)
            while not self._work.empty() and self._safely(self._work.queue[0]):
                self._work.get()

    def _safely(self, work: Callable[[], None]) -> bool:
        """Do something; what fails for want of broker or database is done again later."""
        try:
            with self._app.app_context():
                work()
            return True
        except (RedisError, OperationalError) as error:
            _logger.warning("the broker cannot be told of this worker's tasks: %s", error)
        except DBAPIError as error:
            _logger.warning("the database fails: %s", str(error.orig).strip())
        except Exception:
            _logger.exception("the supervision of this worker has failed")
            return True  # it would fail again
        self._ends.wait(min(self._beat, 1.0))
        return False

    def tick(self) -> None:
        """Tell what the worker has; stop what is to be stopped."""
        at = self._ledger.now()
        running = {
            token_of(r): r for r in list(worker_state.active_requests) if token_of(r)
        }
        held = {
            (_owner(request), token_of(request))
            for request in [*running.values(), *_not_started(self._worker)]
            if token_of(request)
        }
        report = Report(at, held, {_owner(request) for request in running.values()})
        self._ledger.is_alive(worker_id(), SILENT_AFTER * self._beat, report)
        now = time.monotonic()
        for known in (self._since, self._stopping):
            for token in known.keys() - running.keys():
                del known[token]
        for token in running:
            self._since.setdefault(token, now)
        self._stop_cancelled(running, now)
        self._find_dead(running, now)
        if self._stop_all_at is not None and now >= self._stop_all_at:
            self._stop_all(running)
        self._tell_database(running, now)

    def _tell_database(self, running: dict[str, Any], now: float) -> None:
        """Note which tasks run: only those seen before, for most are done within a heartbeat."""
        owners = {_owner(request) for request in running.values()}
        self._told &= owners
        seconds: dict[int, float] = {}
        for token, request in running.items():
            ran, owner = now - self._since[token], _owner(request)
            if ran > 0 and owner not in self._told:
                seconds[owner] = max(ran, seconds.get(owner, 0.0))
        if seconds:
            life_cycle.begin(seconds)
            self._told |= seconds.keys()

    def _find_dead(self, running: dict[str, Any], now: float) -> None:
        """Look for processes that have ended without Celery's noticing, which happens."""
        for token, request in running.items():
            if not has_processes(self._worker) or _is_alive(request.worker_pid):
                self._dead.pop(token, None)
            elif now - self._dead.setdefault(token, now) > CELERY_NOTICES:
                reason = "Task failed: the process that worked on it has ended."
                self.lost(request, reason)
                self.clear_up(request)
        for token in self._dead.keys() - running.keys():
            del self._dead[token]

    def _stop_cancelled(self, running: dict[str, Any], now: float) -> None:
        if not running or not has_processes(self._worker):
            return
        cancelled = self._ledger.is_cancelled({_owner(r) for r in running.values()})
        for token, request in running.items():
            # Its process may have begun with the next message since.
            if _owner(request) not in cancelled or not _is_active(request):
                continue
            first = self._stopping.setdefault(token, now)
            if first == now:
                _kill(request.worker_pid, signal.SIGTERM)
            elif now - first >= self._grace:
                _kill(request.worker_pid, signal.SIGKILL)

    def stop_all_in(self, seconds: float) -> None:
        """The worker is to end: what still runs after so many seconds is stopped."""
        self._stop_all_at = time.monotonic() + seconds

    def _stop_all(self, running: dict[str, Any]) -> None:
        reason = "Task failed: its worker was stopped before it was done."
        for request in running.values():
            self._fail(_owner(request), reason)
        self._stop_all_at = None
        if has_processes(self._worker):
            for request in running.values():
                _kill(request.worker_pid, signal.SIGKILL)
        elif running:
            # Threads cannot be stopped: the worker goes without waiting for them, when it has
            # given back what they have not begun with.
            os.kill(os.getpid(), signal.SIGQUIT)
            exit_ = threading.Timer(GIVE_BACK_SECONDS, os._exit, (0,))
            exit_.daemon = True
            exit_.start()

    def lost(self, request: Any, reason: str) -> None:
        """A process of this worker has ended with a message that it was at."""
        owner, token = _owner(request), token_of(request)
        self._work.put(partial(send_again, self._ledger, owner, token, reason))

    def failed(self, request: Any, reason: str) -> None:
        """A message of a task did not come to its end, and would not the next time."""
        self._work.put(partial(self._fail, _owner(request), reason))

    def not_begun(self, owner: int, token: str, reason: str) -> None:
        """End a task whose message is dropped, unless that was a second delivery of it."""
        self._work.put(partial(self._fail_if_not_begun, owner, token, reason))

    def _fail(self, owner: int, reason: str) -> None:
        end(self._ledger, owner, partial(life_cycle.fail, log=reason))

    def _fail_if_not_begun(self, owner: int, token: str, reason: str) -> None:
        messages = self._ledger.look([owner])[owner].messages
        if any(each.token == token and each.worker is None for each in messages):
            self._fail(owner, reason)

    def clear_up(self, request: Any) -> None:
        """Remove what a message has left whose process has ended: processes and files."""
        self._work.put(partial(self._clear_up, request))

    def _clear_up(self, request: Any) -> None:
        if has_processes(self._worker):
            _kill(request.worker_pid, signal.SIGKILL)
            if token := token_of(request):
                remove_folder(token)

    def close_in_child(self) -> None:
        """Close what a process of the pool has inherited, without closing it for this one."""
        if (connection := self._sign_of_life.connection) is not None:
            connection.disconnect()  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """End with the worker."""
        self._ends.set()
        self.join()
        self._safely(lambda: self._ledger.goes(worker_id()))
        self._sign_of_life.close()


def _owner(request: Any) -> int:
    return int(request.request_dict.get(OWNER) or 0)


def token_of(request: Any) -> str:
    return str(request.request_dict.get(TOKEN) or "")


def _not_started(worker: Any) -> Iterator[Any]:
    """Yield the requests that wait in the worker for a process, or for their time."""
    yield from list(worker_state.reserved_requests)
    timer = getattr(getattr(worker, "consumer", None), "timer", None)
    for waiting in list(timer.schedule.queue) if timer is not None else []:
        arguments = waiting.entry.args
        if arguments and hasattr(arguments[0], "request_dict"):
            yield arguments[0]


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
