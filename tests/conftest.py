"""What holds in every test of the product: fixtures, and that logging is left as it was."""

import logging
import os
import re
import signal
import tempfile

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from kombu.transport.memory import Channel

# Tests, and the processes that they start, fetch files that they write.
os.environ["FILE_URL_FOLDERS"] = tempfile.gettempdir()

from qhana_plugin_runner.requests import policy  # noqa: E402

RULES_WITHOUT_APP = policy._of_process

# Fixtures for all rooms. One that uses another comes after it.
pytest_plugins = [
    "helpers.runner",
    "helpers.services",
    "helpers.databases",
    "helpers.plugins",
    "helpers.site",
    "helpers.receiver",
    "helpers.s3",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Let a file stay with one process, as its tests share what takes long to start.

    The faults share the product on a database: all of them with one stay together. So do the
    tests in a browser, which share a product and a Chromium.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            if file.startswith("tests/browser/"):
                return "browser"
            found = re.search(r"\[(sqlite|postgresql)\b", nodeid)
            return f"faults {found[1]}" if found and "tests/faults/" in file else file

    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_report_to_serializable():
    """Let reports reach another process: it takes no lone surrogates, which some tests log."""
    return _sendable((yield))


def _sendable(value):
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_sendable(key): _sendable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_sendable(each) for each in value)
    return value


@pytest.fixture(autouse=True, scope="session")
def signals_as_in_a_terminal():
    """Take the signals that a shell lets its background jobs ignore; what tests start inherits it."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


class CompiledTemplates(BytecodeCache):
    """Keeps what templates compile to, by their names and texts."""

    def __init__(self):
        self._code = {}

    def load_bytecode(self, bucket):
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket):
        self._code[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(autouse=True, scope="session")
def templates_compiled_once():
    """Let no app compile again what another one has compiled: it takes longer than the app."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Flask, "jinja_options", {"bytecode_cache": CompiledTemplates()})
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def fetching_as_before(monkeypatch):
    """Forget the rules for URLs of the app that the test before has made."""
    monkeypatch.setattr(policy, "_of_process", RULES_WITHOUT_APP)


@pytest.fixture(autouse=True)
def no_messages_left():
    """Empty the queues in memory, which belong to the process: the next app has other tasks."""
    yield
    for queue in Channel.queues.values():
        with queue.mutex:
            queue.queue.clear()


@pytest.fixture(autouse=True)
def logging_as_before():
    """Undo what a worker or an app has set for the whole process."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.captureWarnings(False)
