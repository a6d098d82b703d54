"""Set-ups that are broken."""

import socket

import pytest

from qhana_plugin_runner.operations.health import running
from qhana_plugin_runner.web.pages import status


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Wait for what the checks find, however busy this host is."""
    monkeypatch.setattr(running, "DEADLINE", 60)
    monkeypatch.setattr(status, "SECONDS", 60)


@pytest.fixture
def unused_port():
    """A port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
