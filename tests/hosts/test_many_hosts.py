"""Two hosts with a web server and a worker each, one PostgreSQL, one broker, one S3 server."""

from contextlib import ExitStack
from urllib.parse import urljoin

import pytest
import requests
from celery import Celery
from helpers.processes import wait_until
from helpers.product import Product
from helpers.services import broker

SECONDS = 60
TASKS = 20


@pytest.fixture
def hosts(tmp_path, postgresql_database, s3_settings):
    with ExitStack() as stack:
        url = stack.enter_context(broker(tmp_path / "broker"))
        environment = {
            "QHANA_SECRET_KEY": "the same on all hosts, and long enough",
            "SQLALCHEMY_DATABASE_URI": postgresql_database,
            "BROKER_URL": url,
            "RESULT_BACKEND": url,
            "DEFAULT_FILE_STORE": "s3",
            **s3_settings,
        }
        first, second = (
            stack.enter_context(
                Product(tmp_path / name, "--concurrency", "1", environment=environment)
            )
            for name in ("first", "second")
        )
        yield first, second


def submit(host, text):
    answer = requests.post(
        f"{host.url}plugins/hello-world@v1-0-0/process/",
        data={"inputStr": text},
        allow_redirects=False,
        timeout=30,
    )
    assert answer.status_code == 303, answer.text
    return urljoin(host.url, answer.headers["Location"])


def seen_from(host, url):
    """Return the status of a task as this host tells it."""
    path = url.partition("/tasks/")[2]
    answer = requests.get(f"{host.url}tasks/{path}", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ended(host, url):
    wait_until(lambda: seen_from(host, url)["status"] != "PENDING", SECONDS, "the end")
    return seen_from(host, url)


def test_what_is_sent_to_one_host_is_seen_from_both_and_done_by_either(hosts):
    first, second = hosts
    urls = [submit(hosts[n % 2], f"host {n % 2}") for n in range(TASKS)]
    for number, url in enumerate(urls):
        other = hosts[(number + 1) % 2]
        status = ended(other, url)
        assert status["status"] == "SUCCESS", status["log"]
        (output,) = status["outputs"]
        assert output["href"].startswith(other.url)
        text = requests.get(output["href"], timeout=30).text
        assert text == f"Hello host {number % 2}!"
    done = [host.log.count("hello_task") for host in hosts]
    assert all(done), f"one worker did nothing: {done}"
    # The other host goes on when one of them is gone.
    first.kill()
    status = ended(second, submit(second, "lonely"))
    assert status["status"] == "SUCCESS", status["log"]


def test_plugins_go_to_the_workers_that_are_kept_for_them(tmp_path, postgresql_database):
    with broker(tmp_path / "broker") as url:
        environment = {
            "SQLALCHEMY_DATABASE_URI": postgresql_database,
            "BROKER_URL": url,
            "RESULT_BACKEND": url,
            "TASK_QUEUES": '{"hello-world@*": "greetings"}',
        }
        with Product(tmp_path / "host", environment=environment) as host:
            assert ended(host, submit(host, "queue"))["status"] == "SUCCESS"
            with Celery(broker=url, backend=url, set_as_current=False) as workers:
                (queues,) = (
                    workers.control.inspect(timeout=60, limit=1).active_queues().values()
                )
        assert {queue["name"] for queue in queues} == {"qhana_plugin_runner", "greetings"}
