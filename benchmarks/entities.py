"""Measure reading and writing entity files: rows per second, and memory by number of rows.

Every case runs in a fresh process. Files are read over HTTP from a server in another process.
Beside the speed stands that of a bare loop with the standard library's parser over the same
data, since only their ratio says something beyond the machine.
"""

import argparse
import csv
import gzip
import json
import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    load_entities,
    save_entities,
)
from qhana_plugin_runner.requests import open_url

FORMATS = {
    "csv": "text/csv",
    "jsonl": "application/X-lines+json",
    "json": "application/json",
}
DIRECTIONS = ("write", "read", "read gzip")
ATTRIBUTES = ["ID", "name", "x", "y"]
ROWS = [100_000, 1_000_000]
QUICK_ROWS = [200, 2_000]

ALLOWED_GROWTH = 1.5
"""Extra memory with the most rows may be that much of the extra memory with the fewest."""

NOISE = 4.0
"""MiB that two runs of one case may differ by: the allocator takes memory from the system in
arenas of 1 MiB, and a collection of garbage may come early or late. The files of a million
rows have more than 10 times as much."""


def entities(rows: int) -> Iterator[dict[str, str]]:
    """Make entities that look like those of plugins."""
    for number in range(rows):
        yield {
            "ID": f"entity{number}",
            "name": f'the "{number}th" entity, with a comma',
            "x": str(number / 7),
            "y": str(number / 13),
        }


def peak_memory() -> float:
    """The most memory (MiB) that this process has held at once."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def seconds(function: Callable[[], None]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def write(path: Path, kind: str, rows: int) -> None:
    """Write entities as plugins do."""
    with path.open("w", encoding="utf-8", newline="") as file:
        save_entities(entities(rows), file, FORMATS[kind], attributes=ATTRIBUTES)


def bare_write(path: Path, kind: str, rows: int) -> None:
    """Write the same with nothing but the standard library."""
    with path.open("w", encoding="utf-8", newline="") as file:
        if kind == "csv":
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            for entity in entities(rows):
                writer.writerow(entity.values())
        else:
            for entity in entities(rows):
                file.write(json.dumps(entity) + "\n")


def read(url: str, kind: str, rows: int) -> None:
    """Read entities as plugins do."""
    with open_url(url, stream=True) as response:
        _check_count(load_entities(response, FORMATS[kind]), rows)


def bare_read(path: Path, kind: str, rows: int) -> None:
    """Read the same with nothing but the standard library, from the file."""
    file: TextIO
    opened: Any = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        if kind == "csv":
            _check_count(csv.reader(file), rows + 1)
        else:
            # an array has an entity a line too, between lines with the brackets
            lines = (line.rstrip(",\n") for line in file if line[0] == "{")
            _check_count(map(json.loads, lines), rows)


def _check_count(items: Iterable[Any], expected: int) -> None:
    found = sum(1 for _ in items)
    if found != expected:
        raise AssertionError(f"{found} entities were read instead of {expected}")


def measure(
    kind: str, direction: str, rows: int, path: Path, url: str
) -> dict[str, float]:
    """Measure one case in this process: seconds, those of the bare loop, and extra MiB."""
    if direction == "write":
        work = partial(write, path, kind, rows)
        bare = partial(bare_write, path.with_suffix(".bare"), kind, rows)
    else:
        work = partial(read, url, kind, rows)
        bare = partial(bare_read, path, kind, rows)
    # let the peak start anew: the imports may have needed more for a moment (man 5 proc)
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    needed = seconds(work)
    extra = peak_memory() - before
    return {"seconds": needed, "bare": seconds(bare), "extra": extra}


class Handler(SimpleHTTPRequestHandler):
    """Serves the files of a folder; those that are packed as the content that is in them."""

    def end_headers(self) -> None:
        if self.path.endswith(".gz"):
            self.send_header("Content-Encoding", "gzip")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the table is the output."""


def serve(folder: str, port: Connection) -> None:
    """Serve a folder on a free port, which is told to the parent, until terminated."""
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=folder)
    ) as server:
        port.send(server.server_port)
        server.serve_forever()


@contextmanager
def http_server(folder: Path) -> Iterator[str]:
    """Serve a folder from another process, and yield its URL."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=(str(folder), sender))
    process.start()
    sender.close()
    try:
        yield f"http://127.0.0.1:{receiver.recv()}"
    finally:
        process.terminate()
        process.join()
        receiver.close()


def measure_apart(*case: str) -> dict[str, float]:
    """Measure one case in a fresh process."""
    command = [sys.executable, __file__, "--case", *case]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    result: dict[str, float] = json.loads(output)
    return result


def run(all_rows: list[int]) -> bool:
    """Measure all cases, print the table, and tell whether memory grows with the rows."""
    print(
        f"{'format':8}{'direction':11}{'rows':>9}{'rows/s':>11}{'of bare':>9}{'MiB':>8}",
        flush=True,
    )
    extras: dict[tuple[str, str], list[float]] = {}
    with TemporaryDirectory() as name, http_server(Path(name)) as url:
        for kind in FORMATS:
            for rows in all_rows:
                path = Path(name) / f"{rows}.{kind}"
                for direction in DIRECTIONS:
                    if direction == "read gzip":
                        path = _packed(path)
                    address = f"{url}/{path.name}"
                    case = (kind, direction, str(rows), str(path), address)
                    result = measure_apart(*case)
                    extras.setdefault((kind, direction), []).append(result["extra"])
                    speed = rows / result["seconds"]
                    ratio = result["bare"] / result["seconds"]
                    print(
                        f"{kind:8}{direction:11}{rows:9}{speed:11.0f}{ratio:9.2f}"
                        f"{result['extra']:8.1f}",
                        flush=True,
                    )
    return _tell_growth(extras)


def _packed(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    with path.open("rb") as source, gzip.open(packed, "wb", compresslevel=1) as target:
        shutil.copyfileobj(source, target)
    path.unlink()
    return packed


def _tell_growth(extras: dict[tuple[str, str], list[float]]) -> bool:
    growing = [
        f"{kind} {direction} ({found[0]:.1f} -> {found[-1]:.1f} MiB)"
        for (kind, direction), found in extras.items()
        if found[-1] > ALLOWED_GROWTH * found[0] + NOISE
    ]
    # a case may need no page more than the imports did; less than 1 MiB counts as 1 MiB
    largest = max(max(found[-1], 1) / max(found[0], 1) for found in extras.values())
    if any(len(found) < 2 for found in extras.values()):
        print("whether memory grows is not known: measure two numbers of rows")
    elif growing:
        print(f"memory grows with rows: {', '.join(growing)}")
    else:
        print(
            f"memory does not grow with rows (at most {largest:.2f} times as much,"
            f" and up to {NOISE:g} MiB are noise)"
        )
    return bool(growing)


def main() -> int:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench entities", description=__doc__)
    parser.add_argument(
        "--rows", type=int, nargs="+", default=ROWS, help="numbers of rows (%(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="few rows only")
    parser.add_argument("--case", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        kind, direction, rows, path, url = options.case
        print(json.dumps(measure(kind, direction, int(rows), Path(path), url)))
        return 0
    return int(run(sorted(QUICK_ROWS if options.quick else options.rows)))


if __name__ == "__main__":
    sys.exit(main())
