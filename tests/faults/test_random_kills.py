"""Many tasks over two workers, of which something is killed at random all the time.

``FAULT_TASKS`` says how many tasks (100 by default), ``FAULT_SEED`` what is killed when.
"""

import os
import signal
import threading
from collections import Counter, defaultdict
from contextlib import ExitStack
from random import Random

import pytest
import requests
from helpers.faults import PATIENCE
from helpers.processes import is_alive, wait_until

TASKS = int(os.environ.get("FAULT_TASKS", 100))
BATCH = max(10, TASKS // 40)  # something is killed in each: forty times at most

# What is killed in turn, in an order of its own for each seed: a process that works on a task,
# or a whole worker.
TARGETS = 5 * ["process"] + 2 * ["second worker"] + ["first worker"]


class Workers:
    """The worker of the product, and one more that is started again when it is killed."""

    def __init__(self, site, stack):
        self.site, self._stack = site, stack
        self._second = stack.enter_context(site.worker("--concurrency", "2"))[0]

    def kill(self, target, run):
        """Kill something; a process is that of a task that was seen to start."""
        if target == "process":
            (pid,) = run.starts()
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        elif target == "first worker":
            self.site.kill("worker")
        else:
            self._second.kill()
            self._second.wait()
            worker = self.site.worker("--concurrency", "2")
            self._second = self._stack.enter_context(worker)[0]


class Observer(threading.Thread):
    """A client that looks at the tasks all the time; use it in a ``with`` block.

    Attributes:
        ends: the ends of each task that it has seen
        looks: how often it has looked
    """

    def __init__(self, site):
        super().__init__()
        self._url = f"{site.product.url}tasks/"
        self._is_over = threading.Event()
        self.ends = defaultdict(set)
        self.looks = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self._is_over.set()
        self.join()

    def run(self):
        query = {"limit": 100}
        while not self._is_over.wait(0.05):
            answer = requests.get(self._url, params=query, timeout=60).json()
            for task in answer["tasks"]:
                if task["status"] != "PENDING":
                    end = (task["status"], task["state"], task["finishedAt"])
                    self.ends[task["id"]].add(end)
            self.looks += 1


@pytest.mark.fault(
    "Workers and their processes are killed at random while many tasks run",
    "each task ends once: normally, or lost if it was running",
)
def test_nothing_is_lost_doubled_or_left(site):
    random = Random(int(os.environ.get("FAULT_SEED", 6)))
    targets = random.sample(TARGETS, len(TARGETS))
    runs, kills = [], Counter()
    with Observer(site) as observer, ExitStack() as stack:
        workers = Workers(site, stack)
        for number in range(0, TASKS, BATCH):
            batch = [site.submit("greet") for _ in range(BATCH)]
            runs += batch
            chosen = random.choice(batch)
            wait_until(lambda: chosen.starts() != [], PATIENCE, "a task starts")
            target = targets[number // BATCH % len(targets)]
            workers.kill(target, chosen)
            kills[target] += 1
        ends = [run.ended() for run in runs]
        looks = observer.looks
        wait_until(lambda: observer.looks > looks + 1, PATIENCE, "a last look")
    states = Counter(end["state"] for end in ends)
    print(f"killed: {dict(kills)}; ends: {dict(states)}")
    assert states.keys() <= {"succeeded", "lost"}
    # A process is at one task at a time, and a worker has two of them.
    assert states["lost"] <= kills["process"] + 2 * (kills.total() - kills["process"])
    assert all(len(run.starts()) == 1 for run, end in zip(runs, ends) if is_ok(end))
    assert all(len(run.starts()) <= 1 for run in runs)
    assert all(len(seen) == 1 for seen in observer.ends.values()), observer.ends
    for run, end in zip(runs[-100:], ends[-100:]):
        assert observer.ends[run.id] == {(end["status"], end["state"], end["finishedAt"])}
    for end in ends:
        assert end["log"] == "hello" if is_ok(end) else "Task failed: " in end["log"]


def is_ok(end):
    return end["status"] == "SUCCESS"
