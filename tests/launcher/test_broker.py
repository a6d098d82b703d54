"""The embedded broker, with its real server."""

import asyncio
import contextlib
import os
import re
import socket
import stat
import subprocess
from pathlib import Path

import pytest
import redis

from qhana_plugin_runner.errors import OperatorError
from qhana_plugin_runner.launcher.broker import HOST, EmbeddedBroker
from qhana_plugin_runner.launcher.errors import UsageError
from qhana_plugin_runner.launcher.readiness import broker_readiness


@contextlib.contextmanager
def running(broker):
    """Run the server of a broker until the end of the block."""
    with subprocess.Popen(broker.command) as server:
        try:
            asyncio.run(
                asyncio.wait_for(
                    broker_readiness(broker.port, broker.password), timeout=20
                )
            )
            yield server
        finally:
            server.terminate()


@pytest.fixture
def broker(tmp_path):
    return EmbeddedBroker(tmp_path / "a folder" / "broker")


def test_it_serves_its_url_and_nobody_without_the_password(broker):
    with running(broker), redis.Redis.from_url(broker.url) as client:
        assert client.ping()
        with redis.Redis(host=HOST, port=broker.port) as stranger:
            with pytest.raises(redis.AuthenticationError):
                stranger.ping()


def test_it_listens_on_loopback_alone(broker):
    with running(broker), redis.Redis.from_url(broker.url) as client:
        assert client.config_get("bind")["bind"] == "127.0.0.1"


def test_the_password_is_kept_where_only_its_owner_can_read_it(broker):
    file = broker.folder / "valkey.conf"
    assert re.fullmatch(r"redis://:[\w-]{40,}@127\.0\.0\.1:\d+/0", broker.url)
    assert broker.password in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(broker.folder.stat().st_mode) == 0o700


def test_the_password_is_not_seen_among_the_processes(broker):
    with running(broker) as server:
        listed = subprocess.check_output(
            ["ps", "-ww", "-o", "args=", "-p", str(server.pid)]
        )
    assert b"valkey-server" in listed
    assert broker.password.encode() not in listed
    assert broker.password not in " ".join(broker.command)


def test_data_password_and_port_are_the_same_after_a_restart(broker):
    with running(broker), redis.Redis.from_url(broker.url) as client:
        client.rpush("queue", "task 1", "task 2")
    again = EmbeddedBroker(broker.folder)
    assert again.url == broker.url
    with running(again), redis.Redis.from_url(again.url) as client:
        assert client.lrange("queue", 0, -1) == [b"task 1", b"task 2"]


def test_data_survives_the_kill_of_the_server(broker):
    with running(broker) as server, redis.Redis.from_url(broker.url) as client:
        client.set("key", "value")
        server.kill()
    with running(broker), redis.Redis.from_url(broker.url) as client:
        assert client.get("key") == b"value"


def test_another_port_is_taken_when_that_of_yesterday_is_in_use(broker):
    with socket.create_server((HOST, broker.port)):
        assert EmbeddedBroker(broker.folder).port != broker.port


def test_a_fixed_port_that_is_in_use_is_an_error(tmp_path):
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 is in use"):
            EmbeddedBroker(tmp_path, port=port)


def test_it_can_do_without_a_password(tmp_path):
    broker = EmbeddedBroker(tmp_path, password=False)
    with running(broker), redis.Redis.from_url(broker.url) as client:
        assert "@" not in broker.url
        assert client.ping()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="cannot be used .Not a directory.: change"):
        EmbeddedBroker(tmp_path / "file" / "broker")


def test_a_kept_configuration_that_is_damaged_is_made_anew(broker):
    (broker.folder / "valkey.conf").write_text("port 99999\nrequirepass")
    again = EmbeddedBroker(broker.folder)
    assert again.port > 0
    assert again.password
    assert os.listdir(broker.folder) == ["valkey.conf"]
    assert Path(again.command[1]) == broker.folder / "valkey.conf"
