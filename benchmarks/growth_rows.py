"""Large things beside small ones: none may cost more a piece. All are heavy.

Ours is the large case and the limit the small one.
"""

from collections.abc import Callable, Iterator

from .client import fetch
from .http_rows import download, rate
from .lab import Lab, Server
from .rows import Measure, Pair, row

MANY_TASKS, QUICK_MANY_TASKS, FEW_TASKS = 1_000_000, 1_000, 100


def _sites(lab: Lab, *contents: tuple[str, ...]) -> list[tuple[Server, str]]:
    """Return a web server for each content, and the path of its task."""
    return [
        (lab.web(content=content), f"/tasks/{lab.site(content=content).task}/")
        for content in contents
    ]


def _rates(lab: Lab, sites: list[tuple[Server, str]]) -> list[Measure]:
    return [rate(lab, server, path) for server, path in sites]


def tasks_row(name: str, path: Callable[[int], str]) -> None:
    """Add the row of a request with a million finished tasks in the database."""

    @row(f"growth-tasks-{name}", "1/s", heavy=True)
    def many_tasks(lab: Lab) -> Iterator[Pair]:
        """A request with many finished tasks."""
        many = QUICK_MANY_TASKS if lab.quick else MANY_TASKS
        counts = (many, FEW_TASKS)
        sites = _sites(lab, *[("--tasks", str(count)) for count in counts])
        measures = [
            rate(lab, server, path(count)) for (server, _), count in zip(sites, counts)
        ]
        yield measures[0], measures[1]


tasks_row("status", lambda count: f"/tasks/{count // 2}/")
tasks_row("log", lambda count: f"/tasks/{count // 2}/log/")
tasks_row("list", lambda _count: "/tasks/")
tasks_row("page", lambda count: f"/tasks/?cursor=o{count // 2}")
tasks_row("plugin", lambda _count: "/tasks/?plugin=plugin-3&limit=3")
tasks_row("failures", lambda _count: "/tasks/?status=FAILURE&limit=1")


@row("growth-plugins-form", "1/s", heavy=True)
def many_plugins(lab: Lab) -> Iterator[Pair]:
    """The form of a plugin among 600 and among 9."""
    path = "/plugins/bench-0@v1-0-0/ui/?title=x&seconds=1"
    yield rate(lab, lab.web(plugins=600), path), rate(lab, lab.web(), path)


@row("growth-subscriptions", "1/s", heavy=True)
def many_subscriptions(lab: Lab) -> Iterator[Pair]:
    """The status of a task with 10,000 subscriptions and with one."""
    many, few = _rates(
        lab, _sites(lab, ("--subscriptions", "10000"), ("--subscriptions", "1"))
    )
    yield many, few


@row("growth-log", "MB/s", heavy=True)
def large_log(lab: Lab) -> Iterator[Pair]:
    """A log of 10 MB and one of 100 kB."""
    large, small = [
        download(lab, server, f"{path}log/")
        for server, path in _sites(lab, ("--log", "10000000"), ("--log", "100000"))
    ]
    yield large, lambda: max(small() for _ in range(5))


@row("growth-file", "MB/s", heavy=True)
def large_file(lab: Lab) -> Iterator[Pair]:
    """A result of 2 GB and one of 100 MB."""
    sizes = ("2000", "1000") if lab.quick else ("2000000000", "100000000")
    measures = []
    for server, path in _sites(lab, *[("--files", size) for size in sizes]):
        (output,) = fetch(server.url + path).json()["outputs"]
        measures.append(download(lab, server, output["href"].removeprefix(server.url)))
    yield measures[0], measures[1]
