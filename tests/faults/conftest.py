"""A running product of whose parts tests kill some, on each database.

Each test says with a mark which fault it makes and what comes of it. The table of all of them is
printed in the end; a test compares it with the one in the documentation.
"""

import time

import pytest
from helpers.databases import (  # noqa: F401
    database_of_module,
    postgresql,
    postgresql_database,
)
from helpers.faults import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory, database_of_module):
    with Site(tmp_path_factory.mktemp("site"), **database_of_module) as site:
        yield site


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
