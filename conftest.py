"""What holds in every test, also in those of plugins: nothing is reached but loopback."""

import ipaddress
import os
import socket
from pathlib import Path

import pytest

# As in workers: threads of numeric libraries sleep while they wait.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

PACKAGE = Path(__file__).parent / "qhana_plugin_runner"

# Rooms whose tests install, or start whole products or browsers; those with the longest files
# first. The tests of plugins lie beside these.
LONG = (
    "faults launcher interop browser commands hosts plugins docs proxy e2e wheel benchmarks "
    "celery storage checks testing worker operations security tasking"
).split()


def pytest_ignore_collect(collection_path):
    """Look for tests in modules of tests only: the others are plugins and programs.

    The package itself has examples in its docstrings.
    """
    if (
        collection_path.suffix == ".py"
        and collection_path.name != "conftest.py"
        and not collection_path.name.startswith("test_")
        and not collection_path.is_relative_to(PACKAGE)
    ):
        return True
    return None


def pytest_collection_modifyitems(items):
    """Begin with what takes long: when it comes last, all other processes wait for one."""

    def place(item):
        file = item.nodeid.partition("::")[0]
        rooms = [LONG.index(part) for part in file.split("/") if part in LONG]
        return min(rooms, default=len(LONG))

    items.sort(key=place)


@pytest.fixture(autouse=True, scope="session")
def only_loopback():
    """Refuse connections to other hosts; a test that wants one is wrong."""

    def guarded(connect):
        def connect_to_loopback(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6):
                host = address[0]
                is_number = host.replace(".", "").isdecimal() or ":" in host
                if host != "localhost" and not (
                    is_number and ipaddress.ip_address(host.partition("%")[0]).is_loopback
                ):
                    raise OSError(f"a test wants to connect to {host}, not to loopback")
            return connect(self, address)

        return connect_to_loopback

    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, guarded(getattr(socket.socket, name)))
    yield
    patch.undo()
