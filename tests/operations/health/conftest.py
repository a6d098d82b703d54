"""Set-ups that are broken."""

import socket

import pytest


@pytest.fixture
def unused_port():
    """A port where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
