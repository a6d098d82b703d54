"""``invoke start-gunicorn``: in production mode, and gone when invoke is told to stop."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import requests
from helpers.processes import wait_until
from helpers.product import CHECKOUT, outside_environment

SECONDS = 60


def children(pid):
    """Return the processes that the main thread of a process has started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def is_stopped(pid):
    """Whether each thread of a process has stopped: one that runs would take the next signal."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return all("State:\tT" in (each / "status").read_text() for each in threads)


def is_to_end(pid):
    """Whether SIGTERM waits for a process that is stopped."""
    status = Path(f"/proc/{pid}/status").read_text()
    pending = re.search(r"^ShdPnd:\s*(\w+)$", status, re.M)
    return bool(int(pending[1], 16) & 1 << signal.SIGTERM - 1)


def test_it_serves_in_production_mode_until_a_service_manager_stops_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log_path = tmp_path / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "invoke", "start-gunicorn"],
            env=outside_environment(
                QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path),
                FLASK_DEBUG="1",
                PLUGIN_FOLDERS="",
                GUNICORN_WORKERS="1",
                SERVER_PORT=str(port),
                DEFAULT_LOG_FORMAT_STYLE="json",
            ),
            cwd=CHECKOUT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}/"

    def answers():
        assert process.poll() is None, log_path.read_text("utf-8")
        try:
            return requests.get(url, timeout=10).ok
        except requests.ConnectionError:
            return False

    try:
        wait_until(answers, SECONDS, "the web server answers")
        refused = requests.get(f"{url}debug/?secret=value", timeout=10)
        assert refused.status_code == 404
        # They are connected, and would be reset when the process closes its socket.
        (web_process,) = children(process.pid)
        os.kill(web_process, signal.SIGSTOP)
        wait_until(lambda: is_stopped(web_process), SECONDS, "the process has stopped")
        waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        for each in waiting:
            each.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # To the process that was started, which has become the web server.
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_to_end(web_process), SECONDS, "SIGTERM has arrived")
        os.kill(web_process, signal.SIGCONT)
        for each in waiting:
            with each, each.makefile("rb") as answer:
                assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
        assert process.wait(SECONDS) == 0, log_path.read_text("utf-8")
        with socket.create_server(("127.0.0.1", port)):
            pass  # nobody listens on the port any more
        command, *lines = log_path.read_text("utf-8").splitlines()
        records = [json.loads(line) for line in lines]
        (debug,) = [each for each in records if each.get("path") == "/debug/"]
        assert command.startswith("$ ") and debug["logger"] == "gunicorn.access"
        assert (debug["method"], debug["status"]) == ("GET", 404)
        assert debug["client"] == "127.0.0.1" and debug["duration"] > 0 < debug["bytes"]
        assert debug["request_id"] == refused.headers["X-Request-ID"]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
