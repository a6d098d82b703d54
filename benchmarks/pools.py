"""Measure how fast short tasks are in each kind of pool.

A product for each pool runs on this machine, and hello-world tasks are given to them by turns, so
that all find it in the same state: one after another, each from its submit to its end, and many
at once. What counts are the ratios to the pool prefork.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urljoin

import requests

POOLS = ["prefork", "threads", "gevent"]

TASKS, QUICK_TASKS = 200, 2
"""How many are done one after another, and how many at once."""

BURSTS, QUICK_BURSTS = 3, 1

CLIENTS = 8
"""Clients that submit the tasks of a burst."""

START_SECONDS = 180
PROJECT = Path(__file__).resolve().parents[1]


@contextmanager
def running(folder: Path, pool: str, concurrency: int) -> Iterator[str]:
    """Run a product with the demo plugins, and yield its URL."""
    command = [sys.executable, "-m", "qhana_plugin_runner", "run", "--port", "0"]
    command += ["--instance", str(folder / pool), "--pool", pool]
    command += ["--concurrency", str(concurrency)]
    environment = {**os.environ, "PLUGIN_FOLDERS": str(PROJECT / "plugins")}
    for name in ("BROKER_URL", "SQLALCHEMY_DATABASE_URI"):
        environment.pop(name, None)
    log = folder / f"{pool}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file, env=environment, cwd=PROJECT
        )
    try:
        yield _url(process, log)
    finally:
        process.terminate()
        process.wait()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until a product is ready, and return its URL."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if found := re.search(r"ready: (http\S+)", log.read_text("utf-8")):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"the product is not ready:\n{log.read_text('utf-8')}")


class Client:
    """Starts hello-world tasks in one product."""

    def __init__(self, url: str) -> None:
        self._session = requests.Session()
        self._process = f"{url}plugins/hello-world@v1-0-0/process/"

    def submit(self) -> str:
        """Start a task and return its URL."""
        data = {"inputStr": "text"}
        answer = self._session.post(self._process, data, allow_redirects=False)
        if answer.status_code != 303:
            raise AssertionError(f"{answer.status_code}: {answer.text}")
        return urljoin(self._process, answer.headers["Location"])

    def wait(self, task: str) -> None:
        """Wait for the end of a task."""
        while (status := self._session.get(task).json())["status"] == "PENDING":
            time.sleep(0.002)
        if status["status"] != "SUCCESS":
            raise AssertionError(f"a task has failed: {status['log']}")


def one(url: str) -> float:
    """Return how many seconds a task takes from its submit to its end."""
    client = Client(url)
    start = time.perf_counter()
    client.wait(client.submit())
    return time.perf_counter() - start


def burst(url: str, count: int) -> float:
    """Return how many tasks a second come to their ends when so many are submitted at once."""
    start = time.perf_counter()
    clients = [Client(url) for _ in range(min(CLIENTS, count))]
    with ThreadPoolExecutor(len(clients)) as threads:
        parts = threads.map(
            lambda number: [
                clients[number].submit() for _ in range(number, count, len(clients))
            ],
            range(len(clients)),
        )
        for task in [task for part in parts for task in part]:
            clients[0].wait(task)
    return count / (time.perf_counter() - start)


def measure(
    urls: dict[str, str], tasks: int, bursts: int
) -> dict[str, tuple[float, float]]:
    """Return the median seconds of a task, and the median speed of a burst, by pool."""
    seconds, speeds = defaultdict(list), defaultdict(list)
    pools = list(urls)
    for number in range(-2, tasks):  # two rounds to warm up
        for pool in pools[number % len(pools) :] + pools[: number % len(pools)]:
            needed = one(urls[pool])
            if number >= 0:
                seconds[pool].append(needed)
    for number in range(bursts):
        for pool in pools[number % len(pools) :] + pools[: number % len(pools)]:
            speeds[pool].append(burst(urls[pool], tasks))
    median = statistics.median
    return {pool: (median(seconds[pool]), median(speeds[pool])) for pool in pools}


def run(pools: list[str], concurrency: int, tasks: int, bursts: int) -> None:
    """Start the products, measure, and print the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pools-")))
        urls = {
            pool: stack.enter_context(running(folder, pool, concurrency))
            for pool in pools
        }
        found = measure(urls, tasks, bursts)
    print(f"{tasks} tasks, {concurrency} at a time")
    print(f"{'pool':10}{'one by one':>13}{'ratio':>8}{'at once':>14}{'ratio':>8}")
    first_seconds, first_speed = found[pools[0]]
    for pool, (seconds, speed) in found.items():
        print(
            f"{pool:10}{seconds * 1000:10.1f} ms{seconds / first_seconds:8.2f}"
            f"{speed:12.1f}/s{speed / first_speed:8.2f}"
        )


def main() -> int:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench pools", description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS, help="how many (%(default)s)")
    parser.add_argument(
        "--concurrency", type=int, default=2, help="tasks at a time (%(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="few tasks, one burst")
    options = parser.parse_args()
    tasks = QUICK_TASKS if options.quick else options.tasks
    pools = [pool for pool in POOLS if pool != "gevent" or find_spec("gevent")]
    if "gevent" not in pools:
        print("gevent is not installed: measuring without it")
    run(pools, options.concurrency, tasks, QUICK_BURSTS if options.quick else BURSTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
