"""Entity files read over HTTP and written, beside the parsers of the standard library.

Thousands of entities a second: ours reads over HTTP, the limit from the disk.
"""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from .lab import Lab
from .rows import Measure, Pair, row

ROWS_OF_A_FILE, QUICK_ROWS = 1_000_000, 2_000
KINDS = {
    "csv": "text/csv",
    "jsonl": "application/X-lines+json",
    "json": "application/json",
}
TYPES = {"count": "integer", "x": "float", "y": "float", "size": "integer"}
ATTRIBUTES = ["ID", "href", "name", "kind", "count", "size", "age", "x", "y", "z"]
NUMBERS = ["ID", *"abcdefghi"]


def mixed(rows: int) -> Iterator[dict[str, str]]:
    """Make entities with ten attributes that look like those of plugins."""
    for number in range(rows):
        yield {
            "ID": f"entity{number}",
            "href": f"http://127.0.0.1/entities/{number}",
            "name": f'the "{number}th" entity, with a comma',
            "kind": "entity",
            "count": str(number),
            "size": str(number % 100),
            "age": str(number % 7),
            "x": str(number / 7),
            "y": str(number / 13),
            "z": str(number / 17),
        }


def numbers(rows: int) -> Iterator[dict[str, str]]:
    """Make entities with nine numbers."""
    for number in range(rows):
        yield {
            name: str(number / 7 + at) if at else f"entity{number}"
            for at, name in enumerate(NUMBERS)
        }


def _count(lab: Lab) -> int:
    return QUICK_ROWS if lab.quick else ROWS_OF_A_FILE


def entity_file(
    lab: Lab, kind: str, make: Callable[[int], Iterator[dict[str, str]]] = mixed
) -> Path:
    """Return a file of entities that was written without the runner."""

    def write(_stack: Any) -> Path:
        path = lab.path(f"{make.__name__}.{kind}")
        with path.open("w", encoding="utf-8", newline="") as file:
            if kind == "csv":
                writer = csv.writer(file, quoting=csv.QUOTE_ALL)
                writer.writerow(ATTRIBUTES if make is mixed else NUMBERS)
                writer.writerows(entity.values() for entity in make(_count(lab)))
            else:
                lines = map(json.dumps, make(_count(lab)))
                ends = ("", "", "\n") if kind == "jsonl" else ("[\n", ",", "\n]")
                file.write(ends[0])
                for number, line in enumerate(lines):
                    file.write((ends[1] + "\n" if number else "") + line)
                file.write(ends[2])
        return path

    return lab.shared(("entities", kind, make.__name__), write)


def speed(lab: Lab, work: Callable[[], None], count: int) -> Measure:
    """Return the measure of how many thousands of entities a second are done."""
    clock = time.process_time if lab.cpu else time.perf_counter

    def sample() -> float:
        start = clock()
        work()
        return count / (clock() - start) / 1000

    return sample


def _consume(items: Iterable[Any], expected: int) -> None:
    found = 0
    for _item in items:
        found += 1
    if found != expected:
        raise AssertionError(f"{found} entities were read instead of {expected}")


def load(
    lab: Lab,
    path: Path,
    then: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> None:
    """Read a file over HTTP as plugins do."""
    from qhana_plugin_runner.plugin_utils.entity_marshalling import load_entities
    from qhana_plugin_runner.requests import open_url

    url = f"{lab.bare_web().url}/file?path={path}"
    with open_url(url, stream=True) as response:
        entities = load_entities(response, KINDS[path.suffix[1:]])
        _consume(then(entities), _count(lab))


def bare_csv(lab: Lab, path: Path) -> None:
    """Read a table with nothing but the parser."""
    with path.open(encoding="utf-8", newline="") as file:
        _consume(csv.reader(file), _count(lab) + 1)


def read_row(
    name: str,
    kind: str,
    bare: Callable[[Lab, Path], None],
    then: Callable[[Iterable[Any]], Iterable[Any]] = iter,
    make: Callable[[int], Iterator[dict[str, str]]] = mixed,
) -> None:
    """Add the row of a way to read a file."""

    @row(f"entities-{name}", "k/s", rounds=5)
    def read(lab: Lab) -> Iterator[Pair]:
        """Read a file over HTTP, beside the parser of the standard library on the file."""
        path = entity_file(lab, kind, make)
        lab.bare_web()
        yield (
            speed(lab, partial(load, lab, path, then), _count(lab)),
            speed(lab, partial(bare, lab, path), _count(lab)),
        )


def deserialized(entities: Iterable[Any]) -> Iterator[Any]:
    """Turn text into values by the metadata of the attributes."""
    from qhana_plugin_runner.plugin_utils.attributes import (
        AttributeMetadata,
        tuple_deserializer,
    )

    metadata = {n: AttributeMetadata(n, kind, n) for n, kind in TYPES.items()}
    return map(tuple_deserializer(ATTRIBUTES, metadata), entities)


def arrays(entities: Iterable[Any]) -> Iterator[Any]:
    """Turn entities into arrays."""
    from qhana_plugin_runner.plugin_utils.entity_marshalling import ensure_array

    return ensure_array(entities)


def bare_lines(lab: Lab, path: Path) -> None:
    """Read JSON lines with nothing but the parser."""
    with path.open(encoding="utf-8") as file:
        _consume(map(json.loads, file), _count(lab))


def bare_json(lab: Lab, path: Path) -> None:
    """Read a JSON array with nothing but the parser."""
    with path.open(encoding="utf-8") as file:
        _consume(json.load(file), _count(lab))


read_row("csv-read", "csv", bare_csv)
read_row("csv-deserialize", "csv", bare_csv, deserialized)
read_row("csv-arrays", "csv", bare_csv, arrays, numbers)
read_row("jsonl-read", "jsonl", bare_lines)
read_row("json-read", "json", bare_json)


def write_row(name: str, of_tuples: bool) -> None:
    """Add the row of a way to write a table."""

    @row(f"entities-{name}", "k/s", rounds=5)
    def write(lab: Lab) -> Iterator[Pair]:
        """Write a table, beside the writer of the standard library."""
        from qhana_plugin_runner.plugin_utils.entity_marshalling import (
            get_entity_tuple_class,
            save_entities,
        )

        path = lab.path("written.csv")
        make = get_entity_tuple_class(ATTRIBUTES)._make
        count = _count(lab) // 5
        dicts = list(mixed(count))
        entities = [make(e.values()) for e in dicts] if of_tuples else dicts

        def ours() -> None:
            with path.open("w", encoding="utf-8", newline="") as file:
                save_entities(entities, file, "text/csv", attributes=ATTRIBUTES)

        def limit() -> None:
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, quoting=csv.QUOTE_ALL)
                writer.writerow(ATTRIBUTES)
                writer.writerows(entities if of_tuples else (e.values() for e in dicts))

        yield speed(lab, ours, count), speed(lab, limit, count)


write_row("csv-write", of_tuples=True)
write_row("csv-write-dicts", of_tuples=False)

_PEAK = """
import sys
from pathlib import Path
from qhana_plugin_runner.plugin_utils.entity_marshalling import load_entities
from qhana_plugin_runner.requests import open_url

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

url, kind, *_ = sys.argv[1:]
Path("/proc/self/clear_refs").write_text("5")  # the imports may have needed more
before = peak()
with open_url(url, stream=True) as response:
    for entity in load_entities(response, kind):
        pass
print(peak() - before)
"""


def memory_row(kind: str) -> None:
    """Add the row of the memory that a file needs."""

    @row(f"entities-{kind}-memory", "MiB", heavy=True, rounds=3)
    def memory(lab: Lab) -> Iterator[Pair]:
        """Memory that all rows of a file need beyond the imports; the limit is 8 MiB."""
        path = entity_file(lab, kind)
        url = f"{lab.bare_web().url}/file?path={path}"

        def ours() -> float:
            command = [sys.executable, "-c", _PEAK, url, KINDS[kind]]
            return max(float(lab.run(command)), 0.01)

        yield ours, lambda: 8.0


for _kind in KINDS:
    memory_row(_kind)
