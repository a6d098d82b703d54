"""What `/metrics` tells during a burst, with failures and kills, is what is in the database."""

import os
import signal
import socket

import requests
from helpers.faults import PATIENCE
from helpers.metrics import Scrapes
from helpers.processes import wait_until

TROUBLE = "trouble@v1-0-0"
ROUTE = f"/plugins/{TROUBLE}/process/"


def ends(values, kind="qhana_tasks_ended_total"):
    """Return how many tasks have ended in each state, of those that have."""
    states = ("succeeded", "failed", "cancelled", "lost")
    key = (kind,) if kind == "qhana_tasks" else (kind, TROUBLE)
    return {state: values.get((*key, state), 0) for state in states}


def test_a_burst_is_counted_once_by_all_processes_together(site):
    scrapes = Scrapes(f"{site.product.url}metrics")
    blockers = [site.submit("wait"), site.submit("wait")]
    for blocker in blockers:
        blocker.wait_until_started()
    queued = [site.submit("greet") for _ in range(6)]
    queued += [site.submit("call_exit"), site.submit("raise_ignore")]
    assert queued[0].cancel().status_code == 200
    # What is read from database and broker may be some seconds old, in each web process.
    queue = ("qhana_queue_messages", "qhana_plugin_runner")
    age = ("qhana_queue_oldest_message_age_seconds", "qhana_plugin_runner")
    wait_until(lambda: scrapes.now().get(queue) == 8, PATIENCE, "all are queued")
    wait_until(lambda: 0 < scrapes.now().get(age, 0) < PATIENCE, PATIENCE, "an age")
    os.kill(blockers[0].starts()[0], signal.SIGKILL)
    blockers[1].let_go()
    for run in [*blockers, *queued]:
        run.ended()
    expected = {"succeeded": 6, "failed": 2, "cancelled": 1, "lost": 1}
    wait_until(
        lambda: ends(scrapes.changed(), "qhana_tasks") == expected, PATIENCE, "the states"
    )
    wait_until(lambda: ends(scrapes.changed()) == expected, PATIENCE, "the ends")
    changed = scrapes.changed()
    assert changed["qhana_http_requests_total", "303", "POST", ROUTE] == 10
    assert changed["qhana_http_request_duration_seconds_count", "POST", ROUTE] == 10
    # The one that was killed has not told how long it took, and one has never begun.
    assert changed["qhana_task_run_duration_seconds_count", TROUBLE] == 7
    assert changed["qhana_task_queue_wait_seconds_count", TROUBLE] == 7
    wait_until(lambda: scrapes.now().get(queue) == 0, PATIENCE, "an empty queue")
    now = scrapes.now()
    assert now["qhana_workers",] == 1
    assert now["qhana_service_up", "database"] == now["qhana_service_up", "broker"] == 1


def test_a_worker_shows_its_own_at_a_port_whatever_its_processes_do(site):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {"METRICS_PORT": str(port), "PROMETHEUS_MULTIPROC_DIR": ""}
    shown = Scrapes(f"{site.product.url}metrics")
    with site.worker("--concurrency", "1", "--queues", "own", **own) as (worker, log):
        url = f"http://127.0.0.1:{port}/metrics"
        wait_until(lambda: f"metrics at {url}" in log.read_text(), PATIENCE, "metrics")
        scrapes = Scrapes(url)
        # After each of these, another process takes the place of the one that has run it.
        runs = [site.submit("leave_a_child", queue="own") for _ in range(3)]
        for run in runs:
            assert run.ended()["state"] == "succeeded"
        pids = {run.starts()[0] for run in runs}
        assert len(pids) == 3
        count = ("qhana_task_run_duration_seconds_count", TROUBLE)
        wait_until(lambda: scrapes.changed().get(count) == 3, PATIENCE, "three runs")
        assert ends(scrapes.now())["succeeded"] == 3
        (folder,) = _folders(worker.pid)
        assert len([n for n in os.listdir(folder) if n.startswith("counter")]) <= 3
        assert not any(name[0] == "qhana_tasks" for name in scrapes.now())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    assert not os.path.exists(folder)
    # Nothing is shown at two places.
    assert shown.changed().get(count, 0) == 0
    try:
        requests.get(url, timeout=5)
    except requests.ConnectionError:
        pass
    else:
        raise AssertionError("somebody still listens")


def _folders(pid):
    """Return the folders of metrics whose files a process has open."""
    opened = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
    return {os.path.dirname(path) for path in opened if path.endswith(".lock")}
