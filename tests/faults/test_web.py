"""Web processes are killed in the middle of a request."""

import os
import signal

import pytest
import requests
from helpers.faults import PATIENCE
from helpers.processes import wait_until


def crash(site, path):
    """Let a web process kill itself between the row and the message of a task."""
    with pytest.raises(requests.RequestException):
        requests.post(
            f"{site.product.url}plugins/trouble@v1-0-0/{path}",
            data={"what": "greet", "how": "crash", "gate": str(site.folder / "crash")},
            timeout=60,
        )


@pytest.mark.fault(
    "A web process is killed before it has sent a task's message", "waiting"
)
def test_a_task_that_was_never_sent_can_be_cancelled(site):
    crash(site, "process/")
    # Nobody was told of it: there is but the row.
    newest = site.tasks()[0]
    assert newest["state"] == "waiting"
    url = f"{site.product.url}tasks/{newest['id']}/"
    answer = requests.post(url, json={"command": "cancel"}, timeout=30)
    assert answer.json()["state"] == "cancelled"
    assert site.submit("greet").ended()["state"] == "succeeded"


@pytest.mark.fault("Web processes are killed while tasks run", "the tasks go on")
def test_tasks_do_not_depend_on_the_web_server(site):
    run = site.submit("wait")
    run.wait_until_started()
    for pid in site.product.pids()["web"][1:]:
        os.kill(pid, signal.SIGKILL)
    run.let_go()
    wait_until(lambda: site.answers(run), PATIENCE, "the web server is there again")
    assert run.ended()["state"] == "succeeded"


@pytest.mark.fault(
    "A web process is killed in the middle of a request", "nothing of it is stored"
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_is_cut_off_leaves_nothing(site, method):
    run = site.submit("greet")
    with pytest.raises(requests.ConnectionError):
        url = f"{site.product.url}plugins/trouble@v1-0-0/crash/"
        requests.request(method, url, timeout=60)
    wait_until(lambda: site.answers(run), PATIENCE, "the web server is there again")
    assert site.tasks()[0]["id"] == run.id
    assert run.ended()["state"] == "succeeded"
