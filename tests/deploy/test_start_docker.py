"""What the image starts, from the lines of the Dockerfile, in containers without an engine.

They have a plugin whose package is missing in the image.
"""

import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from helpers.container import Container, missing_needs
from helpers.dockerfile import read_dockerfile
from helpers.processes import wait_until
from helpers.services import broker
from helpers.wheels import build_wheel
from sqlalchemy.engine import make_url

SECONDS = 60

PLUGIN = """
from qhana_plugin_runner.authoring import plugin

@plugin(version="v0.1.0", outputs={"shouted": "custom/text"}, requirements=["louder"])
def shout(text: str):
    import louder
    return louder.say(text)
"""

pytestmark = [
    pytest.mark.skipif(bool(missing_needs()), reason=missing_needs()),
    pytest.mark.timeout(600),
]


@pytest.fixture
def start(tmp_path, postgresql_database):
    """Start a container with a name in a ``with`` block; all share database and broker."""
    url = make_url(postgresql_database)
    found = Path(url.query["host"]) / ".s.PGSQL.5432"
    inside = url.update_query_dict({"host": "/tmp/postgresql"})
    with ExitStack() as stack:
        broker_url = stack.enter_context(broker(tmp_path / "broker"))
        shared = {
            "QHANA_SECRET_KEY": "the same on all hosts, and long enough",
            "SQLALCHEMY_DATABASE_URI": inside.render_as_string(hide_password=False),
            "BROKER_URL": broker_url,
            "RESULT_BACKEND": broker_url,
            "PLUGIN_FOLDERS": "/app/extra-plugins",
        }

        def start(name, **variables):
            plugins = tmp_path / name / "extra-plugins"
            plugins.mkdir(parents=True)
            (plugins / "shout.py").write_text(PLUGIN)
            build_wheel(plugins, "louder", "1.0", module="say = str.upper")
            pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/app/extra-plugins"}
            return Container(tmp_path / name, found, **shared, **pip, **variables)

        yield start


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def test_server_and_worker_do_a_task_and_stop_when_they_are_told_to(start):
    image = read_dockerfile()
    port = free_port()
    with ExitStack() as stack:
        web = stack.enter_context(start("web", SERVER_PORT=port))
        worker = stack.enter_context(start("worker", CONTAINER_MODE="worker"))
        web.wait_for("Booting worker")
        worker.wait_for(" ready.")
        for each in (web, worker):
            wait_until(
                lambda: each.run(*image.health_check).returncode == 0, SECONDS, "ok"
            )
            assert each.run("touch", "/app/new").returncode != 0

        server = f"http://127.0.0.1:{port}/"
        process = f"{server}plugins/shout@v0-1-0/process/"
        data = {"text": "container"}
        answer = requests.post(process, data=data, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text
        task = urljoin(server, answer.headers["Location"])

        def has_ended():
            return requests.get(task, timeout=30).json()["status"] != "PENDING"

        wait_until(has_ended, SECONDS, "the task has ended")
        status = requests.get(task, timeout=30).json()
        assert status["status"] == "SUCCESS", status["log"]

        assert worker.stop() == 0
        assert web.stop() == 0
    steps = ["install", "db upgrade", "gunicorn"]
    places = [web.log.index(f" {step}") for step in steps]
    assert places == sorted(places)
    assert " db upgrade" not in worker.log
