"""Telling the subscribers of a task that it has changed.

What is to be told is written to the :mod:`.outbox` in the transaction of the change. The
maintenance makes the calls (:mod:`.delivery`).
"""

from flask import Flask


def register_webhooks(app: Flask) -> None:
    """Write to the outbox when the signals of a task are sent."""
    # Here, because the life cycle writes to the outbox, and the signals come with what uses it.
    from ...tasking.signals import register_signals
    from . import by_worker  # noqa: F401  (delivers in tests of plugins)

    register_signals(app)
