"""The end of a worker whose successor has newer code: it takes no more tasks, and finishes its own."""

import os
import signal

RETIRE = signal.SIGUSR2
"""Tells a worker so. After other signals its tasks have to end in ``TASK_SHUTDOWN_SECONDS``."""


def retire_on_signal() -> None:
    """Let the signal end this worker, where it may: a worker in a thread gets none."""
    from celery.platforms import signals

    signals[RETIRE.name] = _retire


def _retire(*_args: object) -> None:
    from celery.worker import state

    from .monitor import Monitor

    if Monitor.current is not None:
        Monitor.current.drain()
    state.should_stop = os.EX_OK
