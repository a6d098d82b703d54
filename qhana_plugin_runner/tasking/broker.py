"""The ledger of the broker that Celery uses, if it can hold one."""

import os
from typing import Any

from flask import Flask
from redis import Redis, exceptions
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from .in_flight import Ledger

__all__ = ["ANSWER_SECONDS", "be_patient", "ledger", "redis_url", "register_ledger"]

_KEY = "qhana_ledger"

ANSWER_SECONDS = 5
"""How long the broker may take to answer. Whoever submits a task waits for it."""

PATIENCE = 90
"""Times that a worker tries to reach the broker, with pauses of up to two seconds. What it wants
to say is about work that is done already: a broker that comes back in time must learn of it."""

_BACKOFF = ExponentialBackoff(cap=2, base=0.05)
_CLOSED = (exceptions.ConnectionError,)
_CLOSED_OR_SILENT = (exceptions.ConnectionError, exceptions.TimeoutError)


class _Connections:
    """The ledger of one app: anew in each process, since a fork shares no connections."""

    def __init__(self, url: str | None, prefix: str) -> None:
        self._url, self._prefix = url, prefix
        # A connection that was closed while nobody used it is opened again.
        self._retry = Retry(_BACKOFF, 1, _CLOSED)
        self._made: tuple[int, Ledger] | None = None

    def get(self) -> Ledger | None:
        if self._url is None:
            return None
        if self._made is None or self._made[0] != os.getpid():
            client: Redis = Redis.from_url(
                self._url,
                decode_responses=True,
                socket_connect_timeout=2,
                socket_timeout=ANSWER_SECONDS,
                socket_keepalive=True,
                retry=self._retry,
            )
            self._made = (os.getpid(), Ledger(client, self._prefix))
        return self._made[1]

    def be_patient(self) -> None:
        self._retry, self._made = Retry(_BACKOFF, PATIENCE, _CLOSED_OR_SILENT), None


def register_ledger(app: Flask) -> None:
    """Prepare the ledger; nothing is connected before it is needed."""
    config = app.config["CELERY"]
    options = config.get("broker_transport_options") or {}
    url = None if app.testing else redis_url(config.get("broker_url"))
    app.extensions[_KEY] = _Connections(url, options.get("global_keyprefix", ""))


def redis_url(broker_url: Any) -> str | None:
    """Return the broker's URL as its client takes it; ``None`` for what is no Redis server."""
    url = str(broker_url or "")
    if ";" in url or isinstance(broker_url, (list, tuple)):
        return None  # several brokers: nobody knows which one has a message
    if url.startswith("redis+socket://"):
        return url.replace("redis+socket://", "unix://", 1)
    return url if url.startswith(("redis://", "rediss://")) else None


def ledger(app: Flask) -> Ledger | None:
    """Return the ledger of an app; ``None`` when its tasks are not supervised."""
    connections: _Connections | None = app.extensions.get(_KEY)
    return None if connections is None else connections.get()


def be_patient(app: Flask) -> None:
    """Wait longer for the broker from now on, as workers have to."""
    app.extensions[_KEY].be_patient()
