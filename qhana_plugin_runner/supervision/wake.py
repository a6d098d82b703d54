"""Wakes a worker when one of its tasks has ended in a thread or greenlet, so that it takes another.

A worker takes no message before it can begin with it (``worker_disable_prefetch``). While it has
as much work as it can do at a time it does not ask the broker, and sleeps. Processes send their
results through pipes, which wakes it; of threads and greenlets it would learn up to a second or
two later.
"""

import os
from collections.abc import Callable
from typing import Any

from celery import bootsteps

__all__ = ["WakeUp"]

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
            self._pipe = _Pipe()
            _after_each_task(parent.pool, self._pipe.write)
        else:
            _after_each_task(parent.pool, lambda: parent.hub.call_soon(_nothing))

    def start(self, parent: Any) -> None:
        """Have the worker wait for the pipe, too; each connection waits in its own way."""
        if self._pipe is not None:
            self._pipe.wake(parent.task_consumer.channel.connection.cycle)


def _after_each_task(pool: Any, do: Callable[[], object]) -> None:
    apply = pool.on_apply

    def on_apply(*args: Any, callback: Callable[..., object], **options: Any) -> Any:
        def callback_and_do(*results: Any) -> None:
            try:
                callback(*results)
            finally:
                do()

        return apply(*args, callback=callback_and_do, **options)

    pool.on_apply = on_apply


def _nothing() -> None:
    """What the worker does when it is woken; next it looks for messages."""


class _Pipe:
    """For the transport, one more channel that is read when something arrives."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self.qos = self
        self.handlers = {"wake": self.read}

    def can_consume(self) -> bool:
        return True

    def wake(self, cycle: Any) -> None:
        """Wake whoever waits in this, the transport's selector."""
        cycle._fd_to_chan[self._reader] = (self, "wake")
        cycle.poller.register(self._reader, cycle.eventflags)

    def write(self) -> None:
        try:
            os.write(self._writer, b".")
        except BlockingIOError:
            pass  # it is full, and wakes anyway

    def read(self) -> None:
        os.read(self._reader, 4096)
