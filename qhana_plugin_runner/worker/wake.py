"""Wakes a worker when one of its tasks has ended in a thread or greenlet, so that it takes another.

A worker takes no message before it can begin with it (``worker_disable_prefetch``). While it has
as much work as it can do at a time it does not ask the broker, and sleeps. Processes send their
results through pipes, which wakes it; of threads and greenlets it would learn up to a second or
two later.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

from celery import bootsteps

_POOLS = ("celery.concurrency.thread", "celery.concurrency.gevent")


class WakeUp(bootsteps.StartStopStep):
    """A step of the worker's connection to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._pipe: _Pipe | None = None

    def include_if(self, parent: Any) -> bool:
        return type(parent.pool).__module__ in _POOLS

    def create(self, parent: Any) -> None:
        """Have the end of each task wake the worker, which waits in its hub, if it has one."""
        if parent.hub is None:
            _after_each_task(parent.pool, self._write)
        else:
            _after_each_task(parent.pool, lambda: parent.hub.call_soon(_nothing))

    def start(self, parent: Any) -> None:
        """Have the worker wait for a pipe, too, if its connection waits for several channels."""
        if parent.hub is None:
            connection = parent.task_consumer.channel.connection
            cycle = getattr(connection, "cycle", None)
            if hasattr(cycle, "_fd_to_chan"):
                self._pipe = _Pipe(cycle)

    def stop(self, parent: Any) -> None:
        """Close the pipe; the next connection gets its own."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()

    terminate = stop

    def _write(self) -> None:
        if pipe := self._pipe:
            pipe.write()


def _after_each_task(pool: Any, do: Callable[[], object]) -> None:
    apply = pool.on_apply

    def on_apply(
        target: Any,
        args: Any = None,
        kwargs: Any = None,
        callback: Callable[..., object] | None = None,
        **options: Any,
    ) -> Any:
        def callback_and_do(*results: Any) -> None:
            try:
                if callback is not None:
                    callback(*results)
            finally:
                do()

        return apply(target, args, kwargs, callback=callback_and_do, **options)

    pool.on_apply = on_apply


def _nothing() -> None:
    """What the worker does when it is woken; next it looks for messages."""


class _Pipe:
    """For the transport, one more channel that is read when something arrives.

    Args:
        cycle: the transport's selector, in which the worker waits
    """

    def __init__(self, cycle: Any) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self.qos = self
        self.handlers = {"wake": self.read}
        self._lock = threading.Lock()
        self._is_open = True
        self._cycle = cycle
        cycle._fd_to_chan[self._reader] = (self, "wake")
        cycle.poller.register(self._reader, cycle.eventflags)

    def can_consume(self) -> bool:
        return True

    def write(self) -> None:
        with self._lock:  # its number may be another file's when it is closed
            if not self._is_open:
                return
            try:
                os.write(self._writer, b".")
            except BlockingIOError:
                pass  # it is full, and wakes anyway

    def close(self) -> None:
        self._cycle._fd_to_chan.pop(self._reader, None)
        self._cycle.poller.unregister(self._reader)
        with self._lock:
            self._is_open = False
            os.close(self._reader)
            os.close(self._writer)

    def read(self) -> None:
        os.read(self._reader, 4096)
