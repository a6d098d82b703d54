"""How many calls are made at once, and to whom."""

from qhana_plugin_runner.operations.webhooks.slots import Slots, WaitingCall


def call(number, host="host", attempt=1):
    return WaitingCall(number, attempt, f"http://{host}/{number}", task_id=1)


def take(slots, *calls):
    """Take slots for as many of the calls as there is room for, and return how many."""
    fitting = 0
    for each in calls:
        if slots.fits(each):
            slots.take(each)
            fitting += 1
    return fitting


def test_sixteen_calls_are_made_at_once():
    slots = Slots()
    calls = [call(number, f"host{number}") for number in range(20)]
    assert take(slots, *calls) == 16
    assert not slots.has_room
    assert slots.free(calls[0])
    assert slots.has_room and slots.fits(calls[19])


def test_four_of_them_to_one_host_however_its_url_is_written():
    slots = Slots()
    hosts = ["host:80", "HOST:80", "me@host:80", "you:secret@Host:80"] * 2
    assert take(slots, *(call(number, host) for number, host in enumerate(hosts))) == 4
    assert slots.fits(call(9, "host:81")) and slots.fits(call(9, "host"))
    assert all(slots.is_full_for(call(9, host)) for host in hosts)


def test_one_of_them_to_a_host_that_does_not_answer():
    slots = Slots()
    first = call(1)
    slots.take(first)
    slots.free(first)
    slots.note_answer(first, is_from_receiver=False)
    assert take(slots, *(call(number) for number in range(9))) == 1
    slots.note_answer(first, is_from_receiver=True)
    assert take(slots, *(call(number) for number in range(20, 29))) == 3


def test_half_of_them_are_for_calls_that_were_made_before():
    slots = Slots()
    again = [call(number, f"dead{number}", attempt=2) for number in range(20)]
    assert take(slots, *again) == 8
    assert not slots.has_room_for_repeated
    assert take(slots, *(call(number, f"host{number}") for number in range(20))) == 8


def test_a_call_that_was_given_up_counts_for_its_host_only():
    slots = Slots()
    stuck = [call(number) for number in range(4)]
    take(slots, *stuck)
    for each in stuck:
        slots.give_up(each)
    assert list(slots) == []
    assert not slots.fits(call(9))
    assert take(slots, *(call(number, f"host{number}") for number in range(20))) == 16
    assert not slots.free(stuck[0])
    assert slots.is_full_for(call(9)) is False


def test_threads_that_do_not_end_are_limited():
    slots = Slots()
    for number in range(64):
        each = call(number, f"host{number}")
        assert slots.has_room
        slots.take(each)
        slots.give_up(each)
    assert not slots.has_room
