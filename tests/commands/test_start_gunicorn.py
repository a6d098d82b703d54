"""``invoke start-gunicorn``: in production mode, and gone when invoke is told to stop."""

import os
import signal
import socket
import subprocess
import sys

import requests
from helpers.processes import wait_until
from helpers.product import CHECKOUT, outside_environment

SECONDS = 60


def test_it_serves_in_production_mode_until_a_service_manager_stops_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log_path = tmp_path / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "invoke", "start-gunicorn", "--port", str(port)],
            env=outside_environment(
                QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path),
                FLASK_DEBUG="1",
                PLUGIN_FOLDERS="",
                GUNICORN_WORKERS="1",
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
        assert requests.get(f"{url}debug/", timeout=10).status_code == 404
        # To invoke alone; the web server is a child of it.
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0, log_path.read_text("utf-8")
        with socket.create_server(("127.0.0.1", port)):
            pass  # nobody listens on the port any more
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
