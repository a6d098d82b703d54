"""What the ledger says of messages."""

import socket

import pytest
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError
from redis.retry import Retry

from qhana_plugin_runner.tasking.in_flight import Report, TaskEntries


@pytest.fixture
def sent(registry):
    """A task with two messages, of which a worker has begun with the first."""
    for token in ("one", "two"):
        registry.register(1, token, "queue")
    assert registry.claim(1, "one", "worker").verdict == "ok"
    return 1


def verdict(registry, token, worker="worker"):
    return registry.claim(1, token, worker).verdict


def test_a_message_starts_once(registry, sent):
    assert verdict(registry, "one") == "taken"
    assert verdict(registry, "one", "another worker") == "taken"
    assert verdict(registry, "two") == "ok"


def test_a_message_that_is_done_or_was_never_noted_does_not_start(registry, sent):
    assert registry.complete(1, "one") == 1
    assert verdict(registry, "one") == "unknown"
    assert verdict(registry, "three") == "unknown"


def test_the_last_message_is_kept_until_the_state_is_written(registry, sent):
    assert registry.complete(1, "one", keep_last=True) == 1
    assert registry.complete(1, "two", keep_last=True) == 0
    assert [entry.delivery_id for entry in registry.entries([1])[1].messages] == ["two"]
    assert registry.complete(1, "two") == 0
    assert registry.entries([1])[1] == TaskEntries(True, [])


def test_nobody_knows_what_is_under_way_after_the_broker_has_lost_its_data(
    registry, sent
):
    registry.client.flushall()
    assert registry.complete(1, "one", keep_last=True) == -1
    assert registry.entries([1])[1] == TaskEntries(False, [])


def test_marks_and_messages_to_be_sent_again_are_not_counted(registry):
    registry.register(1, "one", "queue", '{"headers": {}}')
    registry.register(1, "two", "queue", '{"headers": {}}')
    registry.claim(1, "one", "worker")
    registry.request_cancel(1)
    assert registry.complete(1, "one", keep_last=True) == 1
    assert registry.complete(1, "two", keep_last=True) == 0
    (entry,) = registry.entries([1])[1].messages
    assert (entry.delivery_id, entry.payload) == ("two", {"headers": {}})


def test_nothing_starts_after_a_cancellation(registry, sent):
    assert registry.request_cancel(1) == 1
    assert verdict(registry, "two") == "cancelled"
    assert registry.cancelled([1, 2]) == {1}


def test_nothing_starts_of_a_task_that_was_ended_whatever_is_sent_later(registry, sent):
    registry.tombstone(1)
    registry.register(1, "three", "queue")
    assert verdict(registry, "two") == "unknown"
    assert verdict(registry, "three") == "ended"


def test_a_task_that_is_forgotten_begins_anew(registry, sent):
    registry.request_cancel(1)
    registry.delete(1)
    assert registry.entries([1])[1] == TaskEntries(False, [])
    registry.register(1, "new", "queue")
    start = registry.claim(1, "new", "worker")
    assert start.verdict == "ok"
    # Lua tells times with fourteen digits.
    assert start.running_for == pytest.approx(0, abs=0.001)


def test_a_worker_lives_while_its_connection_is_open_and_no_longer(registry):
    sign = registry.connected_client("busy")
    now = registry.now()
    registry.heartbeat("busy", 0.001, Report(now, {(1, "one")}, {1}))
    registry.heartbeat("awake", 60, Report(now, set(), set()))
    key = f"{registry._worker('busy')}:alive"
    while registry.client.exists(key):
        continue
    assert registry.live_workers()["busy"] == Report(now, {(1, "one")}, {1})
    sign.close()
    sign.connection_pool.disconnect()
    while "busy" in registry._connected():
        continue
    assert set(registry.live_workers()) == {"awake"}


def test_the_connection_of_a_worker_is_opened_again_when_the_broker_has_closed_it(
    registry,
):
    sign = registry.connected_client("busy")
    registry.client.client_kill_filter(_id=sign.client_id())
    while "busy" in registry._connected():
        continue
    assert sign.ping() and registry.connection_name("busy") in registry._connected()
    sign.close()


def test_the_connection_of_a_worker_does_not_wait_for_a_broker_that_is_away(registry):
    registry.client.connection_pool.connection_kwargs["retry"] = Retry(
        ConstantBackoff(3600), 90, (ConnectionError,)
    )
    sign = registry.connected_client("busy")
    sign.connection.disconnect()
    with socket.create_server(("127.0.0.1", 0)) as free:
        sign.connection.host, sign.connection.port = free.getsockname()
    with pytest.raises(ConnectionError):
        sign.ping()
