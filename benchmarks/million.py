"""A million rows through the plugins: upload, csv-import, entity-select, scale, cluster.

usage: .venv/bin/python -m benchmarks.million [number of rows]

Starts the product with the plugins of this checkout in a temporary folder, and prints for each
step how long it took, its processor time, and the peak memory (PSS) of the largest
process of each kind, in MiB. The table is that of `examples/make_rivers.py`, with its faults.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from runpy import run_path
from tempfile import TemporaryDirectory

from qhana_plugin_runner.client import Runner

from .lab import PROJECT, Lab, cpu_seconds, processes_of, start_product

PAUSE = 0.1
KINDS = {"web": b"gunicorn", "worker": b"celery", "broker": b"valkey-server"}
NUMBERS = ["Temperatur", "pH-Wert", "Sauerstoff (mg/l)"]


class Watch:
    """Looks at the memory of all processes of a product, again and again.

    Attributes:
        peaks: the largest PSS in MiB since the last look at it, by kind of process
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._ended = threading.Event()
        self.peaks = dict.fromkeys(KINDS, 0.0)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(PAUSE):
            self._look()

    def _look(self) -> None:
        for pid in processes_of(self._root):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                memory = pss(pid)
            except (OSError, ValueError):
                continue  # it has ended
            for kind, word in KINDS.items():
                if word in command:
                    self.peaks[kind] = max(self.peaks[kind], memory)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Print a row of the table for what is done in the block."""
        self.peaks = dict.fromkeys(KINDS, 0.0)
        cpu = cpu_seconds(processes_of(self._root))
        start = time.monotonic()
        yield
        seconds = time.monotonic() - start
        self._look()  # the step may have been shorter than a pause
        cpu = cpu_seconds(processes_of(self._root)) - cpu
        memory = "".join(f"{peak:>9.0f}" for peak in self.peaks.values())
        print(f"{name:16}{seconds:>9.1f}{cpu:>9.1f}{memory}", flush=True)

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()


def pss(pid: int) -> float:
    """Return the memory of a process, with its share of what several have, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith("Pss:"))
    return int(found.split()[1]) / 1024


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rivers = run_path(str(PROJECT / "examples" / "make_rivers.py"))
    with TemporaryDirectory(prefix="qhana-million-") as name, ExitStack() as stack:
        folder = Path(name)
        table = folder / "rivers.csv"
        rivers["write"](table, rows)
        lab = Lab(folder)
        stack.callback(lab.close)
        product = start_product(
            lab, stack, folder / "instance", (), str(PROJECT / "plugins")
        )
        watch = Watch(product.process.pid)
        stack.callback(watch.stop)
        runner = Runner(product.url)
        print(
            f"{rows:,} rows, {table.stat().st_size / 2**20:.1f} MiB, {os.cpu_count()} cores"
        )
        print(
            f"{'':16}{'seconds':>9}{'cpu':>9}", *(f"{kind:>9}" for kind in KINDS), sep=""
        )
        with watch.step("upload"):
            given = runner.upload(table, content_type="text/csv")
        with watch.step("csv-import"):
            entities, *_ = runner.run("csv-import", file=given, review=False)
        with watch.step("entity-select"):
            (chosen,) = runner.run(
                "entity-select",
                entities=entities,
                condition='Fluss in ["Rhein", "Main", "Neckar"] and Datum >= "2016-01-01"',
                attributes=["Fluss", *NUMBERS],
                complete=True,
            )
        with watch.step("scale"):
            scaled, _ = runner.run("scale", entities=chosen)
        with watch.step("cluster"):
            runner.run(
                "cluster", entities=scaled, method="mini-batch k-means", clusters=5
            )


if __name__ == "__main__":
    main()
