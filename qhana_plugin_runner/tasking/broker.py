"""The registry of messages in flight in the broker that Celery uses, if it can hold one."""

import os
from typing import Any

from flask import Flask
from redis import Redis, exceptions
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from .in_flight import InFlight

_KEY = "qhana_in_flight"

ANSWER_SECONDS = 5
"""How long the broker may take to answer: a submit waits for it."""

WORKER_RETRIES = 90
"""How often a worker tries to reach the broker, with pauses of up to two seconds. What it has to say
is about work that is done already: a broker that comes back in time must learn of it."""

_BACKOFF = ExponentialBackoff(cap=2, base=0.05)
_CLOSED = (exceptions.ConnectionError,)
_CLOSED_OR_SILENT = (exceptions.ConnectionError, exceptions.TimeoutError)


class _Connections:
    """The registry of one app; each process has its own, since a fork shares no connections."""

    def __init__(self, url: str | None, prefix: str) -> None:
        self._url, self._prefix = url, prefix
        # A connection that was closed while nobody used it is opened again.
        self._retry = Retry(_BACKOFF, 1, _CLOSED)
        self._made: tuple[int, InFlight] | None = None

    def get(self) -> InFlight | None:
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
            self._made = (os.getpid(), InFlight(client, self._prefix))
        return self._made[1]

    def wait_longer(self) -> None:
        self._retry = Retry(_BACKOFF, WORKER_RETRIES, _CLOSED_OR_SILENT)
        self._made = None


def register_in_flight(app: Flask) -> None:
    """Prepare the registry; nothing is connected before it is needed."""
    config = app.config["CELERY"]
    options = config.get("broker_transport_options") or {}
    url = None if app.testing else redis_url(config.get("broker_url"))
    app.extensions[_KEY] = _Connections(url, options.get("global_keyprefix", ""))


def redis_url(broker_url: Any) -> str | None:
    """Return the broker's URL as its client takes it; ``None`` when it is not a Redis server."""
    url = str(broker_url or "")
    if ";" in url or isinstance(broker_url, (list, tuple)):
        return None  # several brokers: nobody knows which one has a message
    if url.startswith("redis+socket://"):
        return url.replace("redis+socket://", "unix://", 1)
    return url if url.startswith(("redis://", "rediss://")) else None


def in_flight(app: Flask) -> InFlight | None:
    """Return the messages in flight of an app; ``None`` when they are not registered."""
    connections: _Connections | None = app.extensions.get(_KEY)
    return None if connections is None else connections.get()


def wait_for_broker(app: Flask) -> None:
    """Wait longer for a broker that is away from now on, as workers have to."""
    app.extensions[_KEY].wait_longer()
