"""A worker that is busy, and waits, is woken by the end of a task."""

import socket
import threading
from types import SimpleNamespace

import pytest
from celery.concurrency.thread import TaskPool
from kombu import Connection
from kombu.asynchronous import Hub
from kombu.asynchronous.timer import Timer

from qhana_plugin_runner.supervision.wake import WakeUp

SECONDS = 5
"""The hub wakes by itself after 10."""

LONG = 3600


@pytest.fixture
def pool():
    pool = TaskPool(1)
    pool.start()
    yield pool
    pool.stop()


def is_woken(wait, **parts):
    """Return whether a worker that waits in this way goes on when a task has ended."""
    parent = SimpleNamespace(**parts)
    step = WakeUp(parent)
    assert step.include_if(parent)
    step.create(parent)
    step.start(parent)
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    results = []
    parent.pool.apply_async(lambda: 5, callback=results.append)
    thread.join(SECONDS)
    assert results == [5]
    return not thread.is_alive()


def test_one_that_waits_in_its_hub_goes_on(pool):
    hub = Hub(timer=Timer(max_interval=LONG))
    hub.call_later(LONG, print)
    silent, other = socket.socketpair()
    hub.add_reader(silent, print)
    loop = hub.create_loop()
    assert is_woken(lambda: next(loop), pool=pool, hub=hub)
    hub.close()
    silent.close()
    other.close()


def test_one_that_waits_for_its_broker_goes_on(pool, broker_url):
    with Connection(broker_url) as connection:
        connection.connect()
        consumer = SimpleNamespace(channel=connection.default_channel)
        parts = {"pool": pool, "hub": None, "task_consumer": consumer}
        assert is_woken(lambda: connection.drain_events(timeout=LONG), **parts)
