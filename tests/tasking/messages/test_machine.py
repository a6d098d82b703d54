"""Whatever happens, in whichever order: a task has one end, and its subscribers learn it once.

Hypothesis makes up stories of tasks, workers and faults. ``MACHINE_EXAMPLES`` says how many (20 by
default), ``MACHINE_STEPS`` of how many steps each (40). With ``MACHINE_SHRINK`` the shortest story
is looked for that fails.
"""

import os
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from helpers.runner import runner
from helpers.supervised import TERMINAL, World
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from qhana_plugin_runner.celery import CELERY

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", 20))
STEPS = int(os.environ.get("MACHINE_STEPS", 40))
# To look for a shorter story takes minutes.
PHASES = set(Phase) - (set() if "MACHINE_SHRINK" in os.environ else {Phase.shrink})

KINDS = st.sampled_from(["chain", "long chain", "step", "lone"])
ANY = st.integers(0, 5)
"""Chooses one of however many there are."""


@pytest.fixture
def world(tmp_path, broker_url, monkeypatch):
    celery = {"broker_url": broker_url, "result_backend": broker_url}
    settings = {"CELERY": celery, "TESTING": False, "MAINTENANCE": False}
    with runner(tmp_path, PLUGIN_FOLDERS=[], **settings) as app:
        world = World(app, broker_url, monkeypatch)
        yield world
        world.forget()
    CELERY.close()


class Machine(RuleBasedStateMachine):
    """Tasks, workers, and what may befall them.

    Attributes:
        counts: what has happened in all stories
    """

    counts: Counter[str]

    def __init__(self, world):
        super().__init__()
        self.world = world
        self.counts["stories"] += 1
        self.workers = [world.worker(), world.worker()]
        self.all_workers = list(self.workers)
        self.cut_off = []  # deliveries of workers that are silent
        self.kinds = {}
        self.seen = {}
        self.steps_told = Counter()
        self.begun = Counter()
        self.ended_by_plugin = set()
        self.cancelled = set()
        self.clock = ExitStack()

    def choose(self, things, number):
        return things[number % len(things)]

    @property
    def at_work(self):
        return [each for worker in self.workers for each in worker.at_work]

    @property
    def idle(self):
        return [worker for worker in self.workers if not worker.at_work]

    @initialize(opening=st.sampled_from(["none", "cancelled", "cut off"]))
    def cancel_what_sends_more(self, opening):
        """Begin with what chance seldom brings about: what is cancelled sends more messages.

        The worker goes on after the request, or, being cut off, after the end of the task.
        """
        if opening == "none":
            return
        self.submit("long chain")
        self.each_task_has_one_end_and_one_log_and_is_told_of_once()
        worker = self.workers[0]
        worker.take()
        self.begin_with(worker)
        (delivery,) = worker.at_work
        if opening == "cut off":
            self.kill(0)
        self.cancel_task(delivery.owner)
        if opening == "cut off":
            self.look()
            self.look()
        self.each_task_has_one_end_and_one_log_and_is_told_of_once()
        assert self.seen[delivery.owner].has_ended == (opening == "cut off")
        self.order(delivery, "return")
        self.cut_off.clear()

    @rule(kind=KINDS)
    def submit(self, kind):
        self.kinds[self.world.submit(kind)] = kind

    @precondition(lambda self: self.world.messages())
    @rule(number=ANY)
    def take(self, number):
        """A worker takes a message from the queue, and keeps it for later."""
        self.choose(self.workers, number).take()

    @precondition(lambda self: any(worker.reserved for worker in self.idle))
    @rule(number=ANY)
    def begin(self, number):
        workers = [worker for worker in self.idle if worker.reserved]
        self.begin_with(self.choose(workers, number))

    def begin_with(self, worker):
        delivery = worker.begin()
        self.counts["messages"] += 1
        if delivery.has_begun:
            self.begun[delivery.token] += 1
            assert self.begun[delivery.token] == 1, "a message was begun with twice"
            # A plugin that ends its task itself may go on nevertheless.
            if delivery.owner not in self.ended_by_plugin:
                assert not self.seen[delivery.owner].has_ended
                assert delivery.owner not in self.cancelled

    @precondition(lambda self: self.world.messages() or self.at_work)
    @rule(number=st.integers(1, 4))
    def work_well(self, number):
        """The first worker carries out some messages, and nothing befalls it."""
        worker = self.workers[0]
        for _ in range(number):
            while worker.at_work:
                self.order(worker.at_work[0], "return")
            if worker.reserved or worker.take():
                self.begin_with(worker)
            self.each_task_has_one_end_and_one_log_and_is_told_of_once()

    @precondition(lambda self: self.at_work)
    @rule(number=ANY, order=st.sampled_from(["return", "raise", "log", "end", "return"]))
    def go_on(self, number, order):
        self.order(self.choose(self.at_work, number), order)

    def order(self, delivery, order):
        delivery.order(order)
        if order == "end":
            self.ended_by_plugin.add(delivery.owner)
        for worker in self.workers:
            worker.at_work = [each for each in worker.at_work if not each.is_over]

    @precondition(lambda self: self.cut_off)
    @rule(number=ANY, order=st.sampled_from(["return", "raise", "end"]))
    def go_on_cut_off(self, number, order):
        delivery = self.choose(self.cut_off, number)
        self.order(delivery, order)
        self.cut_off = [each for each in self.cut_off if not each.is_over]

    @precondition(lambda self: any(seen.has_open_step for seen in self.seen.values()))
    @rule(number=ANY, kind=KINDS)
    def clear(self, number, kind):
        waiting = [
            id_
            for id_, seen in self.seen.items()
            if seen.has_open_step and not seen.has_ended
        ]
        if waiting:
            self.world.clear_step(self.choose(waiting, number), kind)

    @precondition(lambda self: self.seen)
    @rule(number=ANY)
    def cancel(self, number):
        self.cancel_task(self.choose(list(self.seen), number))

    def cancel_task(self, task_id):
        self.world.cancel(task_id)
        self.cancelled.add(task_id)

    @rule(number=ANY)
    def kill(self, number):
        """A worker dies, or is cut off from the broker; another one takes its place."""
        worker = self.workers.pop(number % len(self.workers))
        worker.die()
        self.cut_off += worker.at_work
        self.workers.append(self.world.worker())
        self.all_workers.append(self.workers[-1])

    @rule()
    def look(self):
        for worker in self.workers:
            worker.beat()
        self.world.look()

    @precondition(lambda self: self.seen)
    @rule(
        fault=st.sampled_from(["restore", "lose_message", "double_message", "flush"]),
    )
    def the_broker_fails(self, fault):
        getattr(self.world, fault)()
        self.counts[fault] += 1
        if fault == "flush":  # who was to be cancelled is forgotten, too
            self.cancelled.clear()

    @rule(hours=st.integers(-30, 30))
    def jump(self, hours):
        """The clock of all processes is wrong from now on."""
        self.clock.close()
        wrong = datetime.now(UTC) + timedelta(hours=hours)
        self.clock.enter_context(time_machine.travel(wrong, tick=True))

    @invariant()
    def each_task_has_one_end_and_one_log_and_is_told_of_once(self):
        for task_id in self.kinds:
            before, now = self.seen.get(task_id), self.world.see(task_id)
            self.seen[task_id] = now
            assert now.told.count("status") == now.has_ended, now.told
            assert now.has_ended == (now.state in TERMINAL)
            if before is None:
                continue
            assert now.log.startswith(before.log), (before.log, now.log)
            if before.has_ended:
                assert now.end == before.end
            closed = now.state == "succeeded" and before.has_open_step
            self.steps_told[task_id] += now.steps - before.steps
            self.steps_told[task_id] += closed and not now.has_open_step
            assert now.told.count("steps") == self.steps_told[task_id], now.told

    def teardown(self):
        try:
            self.each_task_comes_to_rest()
        finally:
            self.clock.close()
            for delivery in [*self.at_work, *self.cut_off]:
                delivery.abandon()
            for worker in self.all_workers:
                worker.connection.close()
            self.counts.update(seen.state for seen in self.seen.values())
            self.world.forget()

    def each_task_comes_to_rest(self):
        """Faults are over, workers work: nothing is under way for ever."""
        for _ in range(100):
            for worker in self.workers:
                while worker.at_work:
                    self.order(worker.at_work[0], "return")
                if worker.reserved or worker.take():
                    self.begin_with(worker)
            if self.world.messages() or any(each.reserved for each in self.workers):
                continue
            if not self.at_work:
                self.look()
                self.each_task_has_one_end_and_one_log_and_is_told_of_once()
                under_way = [
                    seen for seen in self.seen.values() if not self.is_at_rest(seen)
                ]
                if not under_way and not self.world.messages():
                    break
        else:
            raise AssertionError(f"still under way: {[vars(seen) for seen in under_way]}")

    @staticmethod
    def is_at_rest(seen):
        return seen.has_ended or seen.state == "waiting"


# Celery's result backend calls what redis-py will not have for ever.
@pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")
def test_a_task_ends_once_whatever_happens(world):
    class Counting(Machine):
        counts = Counter()

    run_state_machine_as_test(
        lambda: Counting(world),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(Counting.counts))
    assert Counting.counts["stories"] >= EXAMPLES
