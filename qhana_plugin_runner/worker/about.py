"""What a worker tells about itself, beside its heartbeats."""

import os
import socket
import time
from typing import Any

from flask import Flask

from ..security.fingerprint import fingerprint
from ..tasking.in_flight import InFlight
from ..util.plugins import QHAnaPluginBase
from ..version import runner_version


def about_worker(app: Flask, registry: InFlight, worker: Any) -> dict[str, Any]:
    """Return who a worker is, what it knows and what it takes, for people and for checks."""
    return {
        "name": worker.hostname,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": runner_version(),
        "pool": type(worker.pool).__module__.rpartition(".")[2],
        "concurrency": worker.concurrency,
        "queues": sorted(worker.app.amqp.queues.consume_from),
        "plugins": sorted(QHAnaPluginBase.get_plugins()),
        "clock": clock_difference(registry),
        "secret": fingerprint(app.config),
    }


def clock_difference(registry: InFlight) -> float:
    """Return by how many seconds the clock of this process is ahead of that of the broker."""
    before = time.time()
    now = registry.now()
    return round((before + time.time()) / 2 - now, 3)
