"""A worker that is busy, and waits, is woken by the end of a task."""

import os
import socket
import threading
from types import SimpleNamespace

import pytest
from celery.concurrency.thread import TaskPool
from kombu import Connection
from kombu.asynchronous import Hub
from kombu.asynchronous.timer import Timer

from qhana_plugin_runner.worker.wake import WakeUp

SECONDS = 5
"""The hub wakes by itself after 10."""

LONG = 3600


@pytest.fixture
def pool():
    pool = TaskPool(1)
    pool.start()
    yield pool
    pool.stop()


def is_woken(wait, task=lambda: 5, **parts):
    """Return whether a worker that waits in this way goes on when a task has ended."""
    parent = SimpleNamespace(**parts)
    step = WakeUp(parent)
    assert step.include_if(parent)
    step.create(parent)
    step.start(parent)
    woken = goes_on(wait, parent, task)
    step.stop(parent)
    return woken


def goes_on(wait, parent, task=lambda: 5):
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    results = []
    running = parent.pool.apply_async(task, callback=results.append)
    thread.join(SECONDS)
    running.get()
    assert results == [5]
    return not thread.is_alive()


def test_one_that_waits_in_its_hub_goes_on(pool):
    hub = Hub(timer=Timer(max_interval=LONG))
    hub.call_later(LONG, print)
    silent, other = socket.socketpair()
    hub.add_reader(silent, print)
    loop = hub.create_loop()
    about_to_wait = threading.Event()
    hub.on_tick.add(about_to_wait.set)
    task = lambda: about_to_wait.wait(SECONDS) and 5  # noqa: E731
    assert is_woken(lambda: next(loop), task, pool=pool, hub=hub)
    hub.close()
    silent.close()
    other.close()


def without_hub(pool, connection):
    connection.connect()
    consumer = SimpleNamespace(channel=connection.default_channel)
    return {"pool": pool, "hub": None, "task_consumer": consumer}


def test_one_that_waits_for_its_broker_goes_on(pool, broker_url):
    with Connection(broker_url) as connection:
        parts = without_hub(pool, connection)
        assert is_woken(lambda: connection.drain_events(timeout=LONG), **parts)


@pytest.mark.parametrize("end", ["stop", "terminate"])
def test_one_that_loses_its_broker_waits_for_the_next_and_keeps_nothing(
    pool, broker_url, end
):
    parent = SimpleNamespace()
    step = None
    for _connection in range(2):
        with Connection(broker_url) as connection:
            vars(parent).update(without_hub(pool, connection))
            if step is None:
                step = WakeUp(parent)
                step.create(parent)
            opened = os.listdir("/dev/fd")
            step.start(parent)
            assert goes_on(lambda: connection.drain_events(timeout=LONG), parent)
            getattr(step, end)(parent)
            assert len(os.listdir("/dev/fd")) <= len(opened)
            assert goes_on(lambda: None, parent)


@pytest.mark.parametrize("cycle", [{}, {"cycle": object()}])
def test_one_whose_connection_waits_for_one_channel_only_is_left_alone(pool, cycle):
    channel = SimpleNamespace(connection=SimpleNamespace(**cycle))
    consumer = SimpleNamespace(channel=channel)
    assert is_woken(lambda: None, pool=pool, hub=None, task_consumer=consumer)


def test_one_whose_broker_is_in_memory_is_left_alone(pool):
    with Connection("memory://") as connection:
        assert is_woken(lambda: None, **without_hub(pool, connection))


def test_nobody_has_to_be_told_the_result(pool):
    parent = SimpleNamespace(pool=pool, hub=Hub(timer=Timer()))
    WakeUp(parent).create(parent)
    done = threading.Event()
    pool.on_apply(done.set, ()).get()
    assert done.is_set()
    parent.hub.close()
