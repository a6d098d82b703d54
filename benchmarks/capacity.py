"""What a load needs, computed from what a task costs on this machine.

usage: python -m benchmarks.capacity [--tasks N] [TASKS_PER_SECOND ...]

Starts a product with PostgreSQL, has four clients submit tasks, and counts the processor time of
each kind of process, the commands of the broker and the commits of the database by task.
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from .lab import Lab, Product, cpu_seconds, processes_of, start_product
from .task_rows import burst_of, submit, wait

LOAD = 0.7
"""The part of a processor that is planned for: what is above it makes queues grow."""

DATABASE_COMMITS = 20_000
"""Commits a second of one PostgreSQL server with fast disks, many clients at once."""

SERVERS = {"web": b"gunicorn", "worker": b"celery", "broker": b"valkey"}


@dataclass(frozen=True)
class Costs:
    """What one task costs: milliseconds of a processor by kind of process, and counts."""

    web: float
    worker: float
    broker: float
    database: float
    commands: float
    commits: float


@dataclass(frozen=True)
class Plan:
    """What a load needs.

    Attributes:
        web: web processes
        worker: processors for the runner's own work in workers
        slots: tasks that run at a time
        brokers: processors that Valkey needs; it uses one for its commands
        database: processors of the database server
        commits: commits a second
        first: what has to be scaled first beyond more web processes and workers
    """

    web: int
    worker: int
    slots: int
    brokers: float
    database: int
    commits: int
    first: str


def plan(rate: float, costs: Costs, task_seconds: float = 1.0) -> Plan:
    """Compute what so many tasks a second need.

    >>> plan(1000, Costs(5, 10, 0.2, 2, 30, 4)).web
    8
    """
    processors = {
        name: rate * getattr(costs, name) / 1000 / LOAD
        for name in ("web", "worker", "broker", "database")
    }
    commits = rate * costs.commits
    first = "-"
    if commits > DATABASE_COMMITS:
        first = "database"
    if processors["broker"] > max(1.0, commits / DATABASE_COMMITS):
        first = "broker"
    return Plan(
        web=math.ceil(processors["web"]),
        worker=math.ceil(processors["worker"]),
        slots=math.ceil(rate * task_seconds / LOAD),
        brokers=round(processors["broker"], 2),
        database=math.ceil(processors["database"]),
        commits=round(commits),
        first=first,
    )


def _kinds(product: Product, postmaster: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {"database": processes_of(postmaster)}
    for pid in processes_of(product.process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        for name, word in SERVERS.items():
            if word in command:
                found.setdefault(name, []).append(pid)
    return found


def _counts(product: Product, uri: str) -> tuple[int, int]:
    """Return how many commands the broker and commits the database have done so far."""
    from redis import Redis
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    with Redis.from_url(product.bare_broker) as client:
        commands: int = client.info("stats")["total_commands_processed"]
    with create_engine(uri, poolclass=NullPool).connect() as connection:
        query = "SELECT sum(xact_commit) FROM pg_stat_database"
        commits = int(connection.execute(text(query)).scalar_one())
    return commands, commits


def measure(lab: Lab, tasks: int) -> Costs:
    """Have tasks done by a product with PostgreSQL and count what they cost."""
    with ExitStack() as stack:
        uri = lab.postgresql()
        product = start_product(
            lab, stack, lab.path("capacity"), (), SQLALCHEMY_DATABASE_URI=uri
        )
        for _ in range(5):
            wait(submit(product.url))
        (pid_file,) = lab.folder.rglob("postmaster.pid")
        kinds = _kinds(product, int(pid_file.read_text().split()[0]))
        before = {name: cpu_seconds(pids) for name, pids in kinds.items()}
        counted = _counts(product, uri)
        burst_of(product.url, 4, tasks)
        after = {name: cpu_seconds(pids) for name, pids in kinds.items()}
        commands, commits = (
            (now - then) / tasks for now, then in zip(_counts(product, uri), counted)
        )
        cost = {name: (after[name] - before[name]) / tasks * 1000 for name in kinds}
    return Costs(**cost, commands=commands, commits=commits)


def table(costs: Costs, rates: Sequence[float]) -> str:
    """Return what each rate needs, as a table."""
    rows: list[Mapping[str, object]] = [
        {"tasks/s": f"{rate:g}", **asdict(plan(rate, costs))} for rate in rates
    ]
    lines = ["| " + " | ".join(rows[0]) + " |", "| --- " * len(rows[0]) + "|"]
    lines += ["| " + " | ".join(map(str, row.values())) + " |" for row in rows]
    return "\n".join(lines)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity")
    parser.add_argument("rates", type=float, nargs="*", default=[10, 100, 1000, 10_000])
    parser.add_argument("--tasks", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        lab = Lab(Path(folder))
        try:
            costs = measure(lab, options.tasks)
        finally:
            lab.close()
    print(costs)
    print(table(costs, options.rates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
