"""Starts and memory."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from .client import fetch
from .lab import Lab, processes_of, start_product
from .rows import Measure, Pair, Unavailable, row
from .synthetic import write_plugins

SECONDS_TO_READY = 3.0
MEBIBYTES_OF_A_WEB_PROCESS = 80.0

_CREATE = "from qhana_plugin_runner import create_app; create_app()"
_LIBRARIES = f"""
{_CREATE}
import sys
names = [n for n, m in sys.modules.items() if "site-packages" in (getattr(m, "__file__", "") or "")]
print(" ".join(n for n in names if n.partition(".")[0] != "qhana_plugin_runner"))
"""
_IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except Exception:
        pass
"""


def run_seconds(lab: Lab, command: list[str], environment: dict[str, str]) -> Measure:
    """Return the measure of the seconds that a program runs."""

    def sample() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        lab.run(command, environment)
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return used if lab.cpu else seconds

    return sample


def create_app_row(count: int) -> None:
    """Add the row of an app with so many plugins."""

    @row(f"start-create-app-{count}", "s")
    def create(lab: Lab) -> Iterator[Pair]:
        """A process that makes an app, beside one that imports the libraries of it."""
        environment = lab.environment(
            QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(lab.path("instance")),
            PLUGIN_FOLDERS=str(write_plugins(lab.path("plugins"), count)),
        )
        ours = [sys.executable, "-c", _CREATE]
        listed = lab.run([sys.executable, "-c", _LIBRARIES], environment)
        libraries = listed.splitlines()[-1].split()
        limit = [sys.executable, "-c", _IMPORT, *libraries]
        yield run_seconds(lab, ours, environment), run_seconds(lab, limit, environment)


create_app_row(0)
create_app_row(60)


@row("start-ready", "s", rounds=5)
def ready(lab: Lab) -> Iterator[Pair]:
    """A second start of the product; the limit is a number of seconds."""
    folder = lab.path("instance")
    yield _start(lab, folder, ""), lambda: SECONDS_TO_READY


def _start(lab: Lab, folder: Path, plugins: str) -> Measure:
    def sample() -> float:
        with ExitStack() as stack:
            return start_product(lab, stack, folder, (), plugins).seconds

    sample()  # the first start makes database and secrets
    return sample


@row("start-ready-plugins", "s", rounds=5)
def ready_plugins(lab: Lab) -> Iterator[Pair]:
    """A start with the plugins of ``--plugins``, beside one process that loads them."""
    if not lab.plugins:
        raise Unavailable("name folders with --plugins")
    environment = lab.environment(
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(lab.path("instance")),
        PLUGIN_FOLDERS=lab.plugins,
    )
    limit = run_seconds(lab, [sys.executable, "-c", _CREATE], environment)
    yield _start(lab, lab.path("instance"), lab.plugins), limit


@row("start-web-memory", "MiB", rounds=5)
def web_memory(lab: Lab) -> Iterator[Pair]:
    """Memory of the web processes by their number; the limit is a number of MiB."""
    product = lab.product("--workers", "2")
    for _ in range(20):
        fetch(f"{product.url}/plugins/bench-0@v1-0-0/ui/")
        fetch(f"{product.url}/api-spec.json")

    def ours() -> float:
        web = [pid for pid in processes_of(product.process.pid) if _is_web(pid)]
        return sum(map(_pss, web)) / len(web)

    yield ours, lambda: MEBIBYTES_OF_A_WEB_PROCESS


def _is_web(pid: int) -> bool:
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"gunicorn" in command


def _pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith("Pss:"))
    return int(found.split()[1]) / 1024
