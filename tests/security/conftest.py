"""Tells which attacks were tried."""

from collections import Counter


def pytest_terminal_summary(terminalreporter, config):
    """List the attacks with the number of ways in which each was tried, when only they were run."""
    if not config.args or not all("tests/security" in path for path in config.args):
        return
    tried = Counter()
    for report in terminalreporter.getreports("passed"):
        file, _, name = report.nodeid.partition("::")
        tried[file, name.partition("[")[0]] += 1
    room = None
    for (file, name), ways in sorted(tried.items()):
        if file != room:
            terminalreporter.section(file, sep="-")
            room = file
        words = name.removeprefix("test_").replace("_", " ")
        terminalreporter.write_line(f"{ways:4} {words}")
    terminalreporter.write_line(f"{len(tried)} attacks, {tried.total()} ways to try them")
