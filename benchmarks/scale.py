"""Many tasks on a large deployment of which something is killed all the time, and what they cost.

usage: python -m benchmarks.scale [--tasks 10000] [--database sqlite|postgresql] [--kills N]
                                  [--seed S] [--quick] [--json]

Starts two web servers, four workers and the maintenance as processes of their own, with Valkey and
either PostgreSQL and an S3 server or SQLite and a folder. Four clients submit tasks over HTTP,
subscribe a webhook to each, look at them, and read their results. Meanwhile processes are killed,
in an order that the seed makes, and started again a second later. The status is 1 when something
was lost, doubled or left behind.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random, randrange
from typing import Any

from .deployment import Deployment
from .lab import Lab
from .scale_checks import (
    Database,
    check_broker,
    check_rest,
    check_rows,
    check_tasks,
    check_webhooks,
)
from .scale_clients import Client, Receiver, run_clients

TARGETS = {
    "pool process": 4,
    "worker": 2,
    "web process": 2,
    "web": 1,
    "maintenance": 1,
    "broker": 1,
}
"""What is killed, and how often in comparison."""

TASKS_PER_KILL = 100
LOOK_SECONDS, MEMORY_SECONDS = 0.5, 10.0

KINDS = ("web", "worker", "maintenance", "broker", "database", "store")


class Killer:
    """Kills something each time when so many more tasks have ended.

    Attributes:
        kills: how often what was killed
    """

    def __init__(
        self, deployment: Deployment, tasks: int, kills: int, random: Random
    ) -> None:
        self._deployment, self._random = deployment, random
        names, weights = list(TARGETS), list(TARGETS.values())
        self._order = [
            # Each kind is killed at least once when there are enough kills.
            names[n] if n < len(names) else random.choices(names, weights)[0]
            for n in range(kills)
        ]
        random.shuffle(self._order)
        self._every = tasks / (kills + 1)
        self.kills: Counter[str] = Counter()

    def on_progress(self, ended: int) -> None:
        """Kill what is due."""
        done = self.kills.total()
        if done < len(self._order) and ended >= (done + 1) * self._every:
            target = self._order[done]
            at = time.strftime("%H:%M:%S")
            what = self._deployment.kill_one(target, self._random)
            print(f"{at} {ended} tasks have ended; killed: {what}", file=sys.stderr)
            self.kills[target] += 1


class Meter(threading.Thread):
    """Looks at the processor time and the memory of all processes.

    Attributes:
        memory: the most that each kind of process had together, in MiB (PSS)
    """

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(daemon=True)
        self._deployment = deployment
        self._ends = threading.Event()
        self._seconds: dict[tuple[str, int], float] = {}
        self.memory: dict[str, float] = defaultdict(float)

    def run(self) -> None:
        next_memory = 0.0
        while not self._ends.wait(LOOK_SECONDS):
            self.look()
            if time.monotonic() > next_memory:
                self._look_at_memory()
                next_memory = time.monotonic() + MEMORY_SECONDS

    def look(self) -> None:
        for kind, pid in self._deployment.families():
            nanoseconds = 0
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    nanoseconds += int(task.read_text().split()[0])
                except (OSError, IndexError):
                    continue  # it has just ended
            # Threads that have ended are not counted by the kernel any more.
            seconds = max(nanoseconds / 1e9, self._seconds.get((kind, pid), 0.0))
            self._seconds[kind, pid] = seconds

    def _look_at_memory(self) -> None:
        found: dict[str, float] = defaultdict(float)
        for kind, pid in self._deployment.families():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            pss = [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
            found[kind] += sum(pss) / 1024
        for kind, value in found.items():
            self.memory[kind] = max(self.memory[kind], value)

    def seconds(self) -> dict[str, float]:
        """Return the processor time so far, by kind."""
        self.look()
        found: dict[str, float] = defaultdict(float)
        for (kind, _pid), seconds in list(self._seconds.items()):
            found[kind] += seconds
        return found

    def stop(self) -> None:
        self._ends.set()
        self.join()


def statements(deployment: Deployment) -> Counter[tuple[str, str]]:
    """Return how often each kind of process has run each statement so far."""
    found: Counter[tuple[str, str]] = Counter()
    for path in (deployment.folder / "counts").glob("*.json"):
        for statement, count in json.loads(path.read_text()).items():
            found[path.name.partition("-")[0], statement] += count
    return found


def costs(
    tasks: int,
    seconds: Mapping[str, float],
    counted: Counter[tuple[str, str]],
    commands: Mapping[str, int],
    store: Mapping[str, int],
    clients: Sequence[Client],
) -> dict[str, float]:
    """Return what a task costs."""
    found = {
        f"{kind}: CPU ms": seconds[kind] / tasks * 1000
        for kind in KINDS
        if kind in seconds
    }
    ends = ("COMMIT", "ROLLBACK")
    by_name: Counter[str] = Counter()
    for (_kind, statement), count in counted.items():
        by_name[statement if statement in ends else "statements"] += count
    found["database: statements"] = by_name["statements"] / tasks
    found["database: commits"] = by_name["COMMIT"] / tasks
    found["database: rollbacks"] = by_name["ROLLBACK"] / tasks
    found["broker: commands"] = sum(commands.values()) / tasks
    found["broker: messages"] = commands.get("lpush", 0) / tasks
    if store:
        found["S3: requests"] = sum(store.values()) / tasks
    requests = ("submit", "subscribe", "status", "download")
    asked = sum(client.counts[name] for client in clients for name in requests)
    found["HTTP: requests"] = asked / tasks
    return found


def run(options: argparse.Namespace, lab: Lab, stack: ExitStack) -> dict[str, Any]:
    """Do it, and return what came of it."""
    deployment = Deployment(lab, stack, options.database, options.quick)
    database = Database(deployment.database_uri)
    receiver = stack.enter_context(Receiver())
    meter = Meter(deployment)
    stack.callback(meter.stop)
    meter.start()
    warm = run_clients(
        deployment.urls, receiver, 8, options.seed + 1, lambda _ended: None
    )
    known = [task for client in warm for task in client.tasks]
    check_webhooks(known, receiver, database)  # waits for the last of them
    before = (
        meter.seconds(),
        statements(deployment),
        Counter(deployment.commands_now()),
        Counter(deployment.store_requests()),
    )
    deployment.effects.write_text("")
    receiver.calls.clear()
    start = time.monotonic()
    killer = Killer(deployment, options.tasks, options.kills, Random(options.seed))
    clients = run_clients(
        deployment.urls, receiver, options.tasks, options.seed, killer.on_progress
    )
    needed = time.monotonic() - start
    tasks = [task for client in clients for task in client.tasks]
    problems = check_webhooks(tasks, receiver, database)
    after = meter.seconds()
    cost = costs(
        options.tasks,
        {kind: after[kind] - before[0].get(kind, 0.0) for kind in after},
        statements(deployment) - before[1],
        Counter(deployment.commands_now()) - before[2],
        Counter(deployment.store_requests()) - before[3],
        clients,
    )
    effects = deployment.effects.read_text().splitlines()
    problems += check_tasks(tasks, effects, killer.kills)
    problems += check_broker(deployment)
    left, more = check_rows(deployment, database, [*known, *tasks])
    problems += more
    profile = (statements(deployment) - before[1]).most_common(40)
    commands = (Counter(deployment.commands_now()) - before[2]).most_common(25)
    problems += check_rest(deployment, database)
    begun = Counter(line for line in effects if line.startswith("begin "))
    states = Counter(state for task in tasks for _status, state, _at in task.ends)
    called = [receiver.calls[task.token, task.id] for task in tasks]
    return {
        "database": options.database,
        "tasks": options.tasks,
        "seed": options.seed,
        "seconds": round(needed, 1),
        "load": [round(value, 1) for value in os.getloadavg()],
        "killed": dict(killer.kills),
        "ends": dict(states),
        "begun again": sum(count - 1 for count in begun.values()),
        "webhook calls": sum(called),
        "webhooks called again": sum(count - 1 for count in called if count > 1),
        **left,
        "requests": dict(sum((client.counts for client in clients), Counter())),
        "cost of a task": {name: round(value, 2) for name, value in cost.items()},
        "memory MiB": {kind: round(value) for kind, value in meter.memory.items()},
        "statements": [
            [kind, round(count / options.tasks, 2), statement[:200]]
            for (kind, statement), count in profile
        ],
        "commands": {name: round(count / options.tasks, 2) for name, count in commands},
        "problems": problems,
    }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql"), default="postgresql"
    )
    parser.add_argument("--kills", type=int, help=f"1 for {TASKS_PER_KILL} tasks")
    parser.add_argument("--seed", type=int, default=randrange(10**6))
    parser.add_argument("--quick", action="store_true", help="find lost work soon")
    parser.add_argument("--keep", action="store_true", help="keep logs and data")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends what has been started
    if options.kills is None:
        options.kills = options.tasks // TASKS_PER_KILL
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    folder = Path(tempfile.mkdtemp(prefix="scale-"))
    lab = Lab(folder)
    try:
        with ExitStack() as stack:
            stack.callback(lab.close)
            result = run(options, lab, stack)
    finally:
        if options.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result, indent=1) if options.json else table(result))
    return int(bool(result["problems"]))


def table(result: Mapping[str, Any]) -> str:
    """Return the result for people."""
    lines = []
    for name, value in result.items():
        if name in ("statements", "commands", "problems"):
            continue
        if isinstance(value, dict):
            lines += [
                f"{name}:",
                *(f"  {key:32}{each:>10}" for key, each in value.items()),
            ]
        else:
            lines.append(f"{name:34}{value!s:>10}")
    lines += [f"PROBLEM: {problem}" for problem in result["problems"]]
    return "\n".join(
        [*lines, "" if result["problems"] else "nothing lost, doubled or left"]
    )


if __name__ == "__main__":
    sys.exit(main())
