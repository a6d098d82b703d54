"""Fuzzes a running product by its OpenAPI document, and tells what came of it.

``scripts/fuzz`` runs this module; a test runs it with a fixed seed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from helpers.product import CHECKOUT, Product

MOST_GROWTH = 0.20
"""How much more memory the web processes may take in the end."""

WORKERS = "2" if sys.version_info >= (3, 11, 8) else "1"
"""Threads that send requests; in older Pythons they disturb each other when they parse code
(python/cpython#106905)."""

PLUGINS = (
    *("hello.py", "hello_steps.py", "periodic_task.py", "upload.py"),
    *("entity_select", "entity_statistics"),
)
"""What is served: plugins in both forms, whose tasks take no time."""

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")

_STATUS = re.compile(r'"status_code": ?(\d+)')


class Fuzzed:
    """The outcome of some runs of schemathesis on a product.

    Attributes:
        requests: how many were sent
        statuses: how often each was answered
        failures: a line for each kind of failure that was found
        memory: of the web processes, in MiB: warm, and in the end
        output: what schemathesis has written
    """

    def __init__(self):
        self.requests, self.statuses, self.failures = 0, Counter(), []
        self.memory, self.output = [], ""

    @property
    def growth(self):
        """How much more memory the web processes take than when they were warm."""
        return self.memory[-1] / self.memory[0] - 1

    def table(self):
        """Return the outcome for people."""
        found = ", ".join(f"{code}: {n}" for code, n in sorted(self.statuses.items()))
        warm, last = self.memory[0], self.memory[-1]
        rows = {
            "requests": self.requests,
            "statuses": found,
            "server errors": sum(n for code, n in self.statuses.items() if code >= 500),
            "failed checks": len(self.failures),
            "web memory": f"{warm:.0f} -> {last:.0f} MiB ({self.growth:+.0%})",
        }
        lines = [f"{name:<14} {value}" for name, value in rows.items()]
        return "\n".join([*lines, *self.failures])

    def run(self, product, *arguments):
        """Send requests; all checks are on unless the configuration says otherwise."""
        with tempfile.TemporaryDirectory() as folder:
            report, events = Path(folder, "report.json"), Path(folder, "events.ndjson")
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "schemathesis.cli"),
                    *("--config-file", str(CONFIGURATION)),
                    *("run", f"{product.url}api-spec.json"),
                    *("--continue-on-failure", "--no-color"),
                    *("--workers", WORKERS),
                    *("--generation-database", "none", "--report", "json,ndjson"),
                    *("--report-json-path", str(report)),
                    *("--report-ndjson-path", str(events)),
                    *arguments,
                ],
                capture_output=True,
                text=True,
                cwd=folder,
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )
            self.output += done.stdout + done.stderr
            assert report.exists(), self.output
            with events.open() as lines:
                for line in lines:
                    self.statuses.update(map(int, _STATUS.findall(line)))
            found = json.loads(report.read_text())
        self.requests = self.statuses.total()
        for each in found["failures"] + found["errors"]:
            places = ", ".join(each.get("operations", []))
            self.failures.append(f"{each.get('code')} {each.get('title')}: {places}")
        self.memory.append(_memory(product))


def fuzzed_product(instance):
    """Start a product that may be fuzzed."""
    folders = ":".join(str(CHECKOUT / "plugins" / each) for each in PLUGINS)
    return Product(instance, environment={"PLUGIN_FOLDERS": folders})


def fuzz(product, warm, *arguments):
    """Warm a product up, then fuzz it.

    Args:
        product: a running product
        warm: arguments of schemathesis until memory is measured for the first time
        arguments: those of the run behind it
    """
    fuzzed = Fuzzed()
    fuzzed.run(product, *warm)
    fuzzed.run(product, *arguments)
    return fuzzed


def _memory(product):
    """Return the memory of the web processes in MiB; what they share counts once."""
    total = 0
    for pid in product.pids()["web"]:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss: +(\d+)", text, re.MULTILINE)[1])
    return total / 1024


def main(seconds="600"):
    """Fuzz for some seconds, print the outcome, and exit with 1 when it is bad."""
    os.chdir(CHECKOUT)
    with tempfile.TemporaryDirectory() as folder:
        with fuzzed_product(Path(folder, "instance")) as product:
            # Forked processes fill their caches, and write to memory that they have shared.
            warm, rest = float(seconds) / 4, float(seconds) * 3 / 4
            many = ["--max-examples", "1000", "--max-time"]
            fuzzed = fuzz(product, [*many, f"{warm:g}"], *many, f"{rest:g}")
            print(fuzzed.output if fuzzed.failures else "", fuzzed.table(), sep="")
            has_failed = any(code >= 500 for code in fuzzed.statuses)
            return has_failed or bool(fuzzed.failures) or fuzzed.growth > MOST_GROWTH


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
