"""How many calls are made at once, and to whom."""

from contextlib import ExitStack

import pytest
from helpers.outbox import refusing
from helpers.receiver import receiving

from qhana_plugin_runner.operations.webhooks import calls as limits
from qhana_plugin_runner.operations.webhooks.calls import Call, Calls


def call(number, host="host", attempt=1):
    url = f"http://{host}/{number}"
    return Call(number, attempt, url, task_id=1, url=url, event_type="status")


def fitting(calls, *candidates):
    """Return those of the candidates that may begin, each beside those before it."""
    chosen = []
    for each in candidates:
        if calls.fits(each, chosen):
            chosen.append(each)
    return chosen


def answers(calls, count):
    """Wait until so many calls have ended, and return what came of them."""
    found = {}
    while len(found) < count:
        found |= calls.answers(wait=0.1)
    return found


def test_sixteen_calls_are_made_at_once():
    calls = Calls()
    chosen = fitting(calls, *(call(number, f"host{number}") for number in range(20)))
    assert len(chosen) == 16
    assert not calls.has_room(chosen)
    assert calls.has_room(chosen[1:])


def test_four_of_them_to_one_host_however_its_url_is_written():
    calls = Calls()
    hosts = ["host:80", "HOST:80", "me@host:80", "you:secret@Host:80"] * 2
    chosen = fitting(calls, *(call(number, host) for number, host in enumerate(hosts)))
    assert len(chosen) == 4
    for other in ("host:81", "host"):
        assert calls.fits(call(9, other), chosen)
    assert all(calls.is_full_for(call(9, host).host, chosen) for host in hosts)
    assert calls.full_prefixes(chosen) == {each.prefix for each in chosen}


def test_one_of_them_to_a_host_that_does_not_answer():
    calls = Calls()
    with refusing() as port:
        host = f"127.0.0.1:{port}"
        calls.start(call(1, host))
        ((_call, answer),) = answers(calls, 1).items()
        assert not answer.is_from_receiver
        assert len(fitting(calls, *(call(number, host) for number in range(9)))) == 1
        with receiving(port):
            calls.start(call(1, host))
            answers(calls, 1)
        assert len(fitting(calls, *(call(number, host) for number in range(9)))) == 4


def test_half_of_them_are_for_calls_that_were_made_before():
    calls = Calls()
    chosen = fitting(
        calls, *(call(number, f"dead{number}", attempt=2) for number in range(20))
    )
    assert len(chosen) == 8
    assert not calls.has_room(chosen, repeated=True)
    first = [call(number, f"host{number}") for number in range(20)]
    assert len(fitting(calls, *chosen, *first)) == 16


def test_calls_of_one_webhook_about_one_task_are_made_one_after_the_other():
    first = call(1)
    second = Call(2, 1, first.webhook_href, task_id=1)
    other_task = Call(3, 1, first.webhook_href, task_id=2)
    assert fitting(Calls(), first, second, other_task) == [first, other_task]


@pytest.fixture
def stuck(monkeypatch):
    """Two calls that were given up and do not end; and their hosts."""
    with ExitStack() as stack:
        receivers = [stack.enter_context(receiving()) for _ in range(2)]
        calls = Calls(timeout=30)
        for number, receiver in enumerate(receivers):
            receiver.is_open.clear()
            stack.callback(receiver.is_open.set)
            calls.start(Call(number, 1, receiver.url, task_id=1, url=receiver.url))
        with monkeypatch.context() as patch:
            patch.setattr(limits, "GRACE", -30)  # all time is over
            given_up = answers(calls, 2)
        assert {each.text for each in given_up.values()} == {"timed out after 30 s"}
        yield calls, [each.host for each in given_up]


def test_calls_that_were_given_up_count_for_their_hosts_only(stuck):
    calls, hosts = stuck
    assert calls.is_idle
    assert not any(calls.fits(call(99, host)) for host in hosts)
    elsewhere = [call(number, f"host{number}") for number in range(20)]
    assert len(fitting(calls, *elsewhere)) == 16


def test_threads_that_do_not_end_are_limited(stuck, monkeypatch):
    calls, _hosts = stuck
    monkeypatch.setattr(limits, "MAX_THREADS", 2)
    assert not calls.has_room()
    monkeypatch.setattr(limits, "MAX_THREADS", 3)
    assert calls.has_room()
