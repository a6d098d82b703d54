"""Tasks from their submit to their end, beside Celery with nothing else at the same broker."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event, Thread
from typing import Any
from urllib.parse import urljoin

from celery import Celery

from .client import fetch, load
from .lab import Lab, Product, needs
from .rows import Measure, Pair, Unavailable, row

HELLO = "/plugins/hello-world@v1-0-0/process/"
SLEEP = "/plugins/bench-0@v1-0-0/process/"
WAIT = {"Prefer": "wait=20"}


def submit(url: str, path: str = HELLO, seconds: float = 0) -> str:
    """Start a task and return its URL."""
    form = {"inputStr": "text", "title": "x", "seconds": str(seconds)}
    answer = fetch(url + path, form=form)
    if answer.status != 303:
        raise AssertionError(f"{answer.status}: {answer.body!r}")
    return urljoin(url + path, answer.headers["Location"])


def wait(task: str) -> None:
    """Wait for the success of a task by long polls."""
    while (status := fetch(task, WAIT).json())["status"] == "PENDING":
        pass
    if status["status"] != "SUCCESS":
        raise AssertionError(f"a task has failed: {status['log']}")


class BareTasks:
    """Chains of two bare tasks at the broker of a product."""

    def __init__(self, lab: Lab, product: Product, pool: str) -> None:
        lab.bare_worker(product.bare_broker, pool)
        self._app = Celery("bare", broker=product.bare_broker)
        self._app.conf.result_backend = product.bare_broker

    def start(self) -> Any:
        """Start a chain of two and return its result."""
        tasks = self._app.signature("bare.greet", (1,)) | self._app.signature("bare.save")
        return tasks.apply_async()

    def one(self) -> None:
        """Do a chain of two and wait for its end."""
        self.start().get(timeout=60)


def pool_rows(pool: str) -> None:
    """Add the rows of a pool."""

    @row(f"task-one-{pool}", "ms")
    def one(lab: Lab) -> Iterator[Pair]:
        """Tasks one after another, beside a bare chain of two and a bare POST."""
        if pool == "gevent" and (reason := needs("gevent")):
            raise Unavailable(reason)
        product, bare_web = _product(lab, pool), lab.bare_web("product")
        bare = BareTasks(lab, product, pool)
        count = 1 if lab.quick else 20

        def ours() -> None:
            wait(submit(product.url))

        def limit() -> None:
            fetch(bare_web.url + "/process", form={"inputStr": "text"})
            bare.one()

        yield _milliseconds(ours, count), _milliseconds(limit, count)


def _product(lab: Lab, pool: str = "prefork", concurrency: int = 2) -> Product:
    arguments = ("--pool", pool, "--concurrency", str(concurrency), "--workers", "2")
    return lab.product(*arguments)


def _milliseconds(work: Callable[[], None], count: int) -> Measure:
    def sample() -> float:
        start = time.perf_counter()
        for _ in range(count):
            work()
        return (time.perf_counter() - start) / count * 1000

    return sample


for _pool in ("prefork", "threads", "gevent"):
    pool_rows(_pool)


@row("task-burst", "1/s", rounds=5)
def burst(lab: Lab) -> Iterator[Pair]:
    """Many tasks that four clients submit, beside as many bare chains."""
    product = _product(lab)
    bare = BareTasks(lab, product, "prefork")
    clients, count = 4, 8 if lab.quick else 300

    def ours() -> float:
        start = time.perf_counter()
        burst_of(product.url, clients, count)
        return count / (time.perf_counter() - start)

    def limit() -> float:
        start = time.perf_counter()
        for result in [bare.start() for _ in range(count)]:
            result.get(timeout=300)
        return count / (time.perf_counter() - start)

    yield ours, limit


def burst_of(
    url: str, clients: int, count: int, path: str = HELLO, seconds: float = 0
) -> None:
    """Have clients submit tasks, and wait for all of them."""

    def submits(_client: int) -> list[str]:
        return [submit(url, path, seconds) for _ in range(count // clients)]

    with ThreadPoolExecutor(clients) as threads:
        tasks = [task for part in threads.map(submits, range(clients)) for task in part]
    for task in tasks:
        wait(task)


@row("task-three-clients", "1/s")
def three_clients(lab: Lab) -> Iterator[Pair]:
    """Three clients that submit, wait and submit again, beside bare chains."""
    product = _product(lab)
    bare = BareTasks(lab, product, "prefork")
    clients, count = 3, 1 if lab.quick else 15

    def all_of(work: Callable[[], None]) -> Measure:
        def sample() -> float:
            start = time.perf_counter()
            with ThreadPoolExecutor(clients) as threads:
                for _ in threads.map(lambda _client: _times(work, count), range(clients)):
                    pass
            return clients * count / (time.perf_counter() - start)

        return sample

    yield all_of(lambda: wait(submit(product.url))), all_of(bare.one)


def _times(work: Callable[[], None], count: int) -> None:
    for _ in range(count):
        work()


@row("task-two-workers", "1/s", rounds=5)
def two_workers(lab: Lab) -> Iterator[Pair]:
    """Tasks that sleep 100 ms with two workers, beside the same with one."""
    count = 2 if lab.quick else 40
    products = [_product(lab, concurrency=number) for number in (2, 1)]

    def sample(product: Product) -> float:
        start = time.perf_counter()
        burst_of(product.url, 2, count, SLEEP, 0.1)
        return count / (time.perf_counter() - start)

    yield (lambda: sample(products[0])), (lambda: sample(products[1]))


@row("task-idle-pollers", "1/s", rounds=5)
def idle_pollers(lab: Lab) -> Iterator[Pair]:
    """Requests beside clients that wait for a task which takes long, and without them."""
    product = _product(lab)
    seconds = 0.05 if lab.quick else 1.0
    pollers = 8  # of 16 threads: STATUS_WAITERS of each of two processes
    status = submit(product.url)
    wait(status)

    def rate() -> float:
        count, needed = load(status, status=200, seconds=seconds)
        return count / needed

    def beside_pollers() -> float:
        task = submit(product.url, SLEEP, seconds + 1)
        threads = [Thread(target=wait, args=(task,)) for _ in range(pollers)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        found = rate()
        for thread in threads:
            thread.join()
        return found

    yield beside_pollers, rate


@row("task-long-poll", "ms", rounds=30)
def long_poll(lab: Lab) -> Iterator[Pair]:
    """From the commit of an end to the answer that a client waits for; the limit is 20 ms."""
    from .ending import Ender

    product = _product(lab)
    with ExitStack() as stack:
        ender = stack.enter_context(Ender(lab, product))

        def ours() -> float:
            task = ender.begin()
            answered: list[float] = []
            waits = Event()

            def poll() -> None:
                waits.set()
                wait(f"{product.url}/tasks/{task}/")
                answered.append(time.monotonic())

            thread = Thread(target=poll)
            thread.start()
            waits.wait()
            time.sleep(0.3)
            committed = ender.end(task)
            thread.join()
            return (answered[0] - committed) * 1000

        yield ours, lambda: 20.0
