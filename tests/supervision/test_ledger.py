"""What the ledger says of messages."""

import pytest

from qhana_plugin_runner.tasking.in_flight import Report


@pytest.fixture
def sent(known):
    """A task with two messages, of which a worker has begun with the first."""
    for token in ("one", "two"):
        known.sent(1, token, "queue")
    assert known.start(1, "one", "worker").verdict == "ok"
    return 1


def verdict(known, token, worker="worker"):
    return known.start(1, token, worker).verdict


def test_a_message_starts_once(known, sent):
    assert verdict(known, "one") == "taken"
    assert verdict(known, "one", "another worker") == "taken"
    assert verdict(known, "two") == "ok"


def test_a_message_that_is_done_or_was_never_noted_does_not_start(known, sent):
    assert known.done(1, "one") == 1
    assert verdict(known, "one") == "unknown"
    assert verdict(known, "three") == "unknown"


def test_the_last_message_is_kept_until_the_state_is_written(known, sent):
    assert known.done(1, "one", keep_last=True) == 1
    assert known.done(1, "two", keep_last=True) == 0
    assert [entry.token for entry in known.look([1])[1].messages] == ["two"]
    assert known.done(1, "two") == 0
    assert known.look([1])[1] == (True, [])


def test_nobody_knows_what_is_under_way_after_the_broker_has_lost_its_data(known, sent):
    known.client.flushall()
    assert known.done(1, "one", keep_last=True) == -1
    assert known.look([1])[1] == (False, [])


def test_marks_and_messages_to_be_sent_again_are_not_counted(known):
    known.sent(1, "one", "queue", '{"headers": {}}')
    known.sent(1, "two", "queue", '{"headers": {}}')
    known.start(1, "one", "worker")
    known.cancel(1)
    assert known.done(1, "one", keep_last=True) == 1
    assert known.done(1, "two", keep_last=True) == 0
    (entry,) = known.look([1])[1].messages
    assert (entry.token, entry.again) == ("two", {"headers": {}})


def test_nothing_starts_after_a_cancellation(known, sent):
    assert known.cancel(1) == 1
    assert verdict(known, "two") == "cancelled"
    assert known.is_cancelled([1, 2]) == {1}


def test_nothing_starts_of_a_task_that_was_ended_whatever_is_sent_later(known, sent):
    known.end(1)
    known.sent(1, "three", "queue")
    assert verdict(known, "two") == "unknown"
    assert verdict(known, "three") == "ended"


def test_a_task_that_is_forgotten_begins_anew(known, sent):
    known.cancel(1)
    known.forget(1)
    assert known.look([1])[1] == (False, [])
    known.sent(1, "new", "queue")
    start = known.start(1, "new", "worker")
    assert start.verdict == "ok"
    # Lua tells times with fourteen digits.
    assert start.running_for == pytest.approx(0, abs=0.001)


def test_a_worker_lives_while_its_connection_is_open_and_no_longer(known):
    sign = known.connected_client("busy")
    now = known.now()
    known.is_alive("busy", 0.001, Report(now, {(1, "one")}, {1}))
    known.is_alive("awake", 60, Report(now, set(), set()))
    key = f"{known._worker('busy')}:alive"
    while known.client.exists(key):
        continue
    assert known.reports()["busy"] == Report(now, {(1, "one")}, {1})
    sign.close()
    sign.connection_pool.disconnect()
    while "busy" in known._connected():
        continue
    assert set(known.reports()) == {"awake"}
