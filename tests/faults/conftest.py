"""A running product of whose parts tests kill some, on each database.

Each test says with a mark which fault it makes and what comes of it. The table of all of them is
printed in the end; a test compares it with the one in the documentation.
"""

import time
from contextlib import ExitStack

import pytest
from helpers.databases import DATABASES, empty_database
from helpers.faults import Site

FAILED = pytest.StashKey[bool]()


class Sites(ExitStack):
    """The product on each database, started when a test needs it, for all modules.

    Args:
        folders: makes temporary folders
        server: returns the URL of a PostgreSQL server
    """

    def __init__(self, folders, server):
        super().__init__()
        self._folders, self._server = folders, server
        self._running = {}

    def get(self, database):
        """Return the product on a database, running."""
        if database not in self._running:
            with ExitStack() as stack:
                settings = {}
                if database == "postgresql":
                    uri = stack.enter_context(empty_database(self._server()))
                    settings["SQLALCHEMY_DATABASE_URI"] = uri
                folder = self._folders.mktemp("site")
                site = stack.enter_context(Site(folder, **settings))
                self._running[database] = site, self.enter_context(stack.pop_all())
        return self._running[database][0]

    def kill(self, database, error):
        """Kill the product on a database, and show its log."""
        self._running.pop(database)[1].__exit__(type(error), error, None)


@pytest.fixture(scope="package")
def sites(request, tmp_path_factory):
    def server():
        return request.getfixturevalue("postgresql")

    with Sites(tmp_path_factory, server) as sites:
        yield sites


@pytest.fixture(params=DATABASES)
def site(request, sites):
    """The product, as tests before have left it; a test that fails leaves none behind."""
    yield sites.get(request.param)
    if request.node.stash.get(FAILED, False):
        sites.kill(request.param, AssertionError(f"{request.node.name} has failed"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    start = time.monotonic()
    result = yield
    for mark in item.iter_markers("fault"):
        database = "postgresql" if "postgresql" in item.name else "sqlite"
        proof = (*mark.args, database, round(time.monotonic() - start, 1))
        # They reach the process that prints the table, whichever process has run the test.
        item.user_properties.append(("fault", proof))
    return result


def pytest_terminal_summary(terminalreporter):
    reports = terminalreporter.getreports("passed")
    proofs = [
        proof
        for report in reports
        for name, proof in report.user_properties
        if name == "fault" and report.when == "call"
    ]
    if proofs:
        terminalreporter.section("faults: fault -> outcome (database, seconds)")
    for fault, outcome, database, seconds in proofs:
        terminalreporter.line(f"{fault} -> {outcome} ({database}, {seconds} s)")
