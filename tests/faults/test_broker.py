"""The broker dies, forgets, stalls and repeats itself."""

import json
import os
import shutil
import signal
from urllib.parse import urlsplit

import pytest
import requests
from helpers.faults import PATIENCE, Site
from helpers.processes import is_alive, wait_until
from helpers.services import broker
from helpers.sockets import SlowLine
from redis.exceptions import RedisError

QUEUE = "qhana_plugin_runner"


@pytest.fixture
def busy(site):
    """Two tasks that keep both processes of the worker busy."""
    runs = [site.submit("wait") for _ in range(2)]
    for run in runs:
        run.wait_until_started()
    yield runs
    for run in runs:
        run.let_go()


def assert_succeeded(*runs):
    for run in runs:
        status = run.ended()
        assert status["state"] == "succeeded", status["log"]
        assert len(run.starts()) == 1


def assert_lost(run):
    status = run.ended()
    assert (status["status"], status["state"]) == ("FAILURE", "lost")
    assert "the message broker has lost its messages" in status["log"]
    assert run.starts() == []


def answers(site):
    with site.broker() as broker:
        wait_until(lambda: _pong(broker), PATIENCE, "the broker answers")


def _pong(broker):
    try:
        return broker.ping()
    except RedisError:
        return False


@pytest.mark.fault("The broker loses everything (FLUSHALL): queued tasks", "lost")
@pytest.mark.fault("The broker loses everything: running tasks", "end normally")
@pytest.mark.fault("The broker loses everything: tasks with an open step", "continue")
def test_what_the_broker_forgets_is_lost_and_nothing_else(site, busy):
    waiting = site.submit("greet", "step first")
    queued = [site.submit("greet"), site.submit("greet", "lone")]
    with site.broker() as broker:
        broker.flushall()
    for run in queued:
        assert_lost(run)
    assert waiting.status()["state"] == "waiting"
    for run in busy:
        run.let_go()
    assert_succeeded(*busy)
    assert_succeeded(site.step(waiting, "greet"))


@pytest.mark.fault("The broker loses everything: tasks that wait for a retry", "lost")
def test_what_waits_to_be_repeated_is_lost_with_its_message(site):
    run = site.submit("repeat_after_3600")
    site.wait_until_put_off()
    with site.broker() as broker:
        broker.flushall()
    status = run.ended()
    assert (status["status"], status["state"]) == ("FAILURE", "lost")
    assert "the message broker has lost its messages" in status["log"]
    assert len(run.starts()) == 1


@pytest.mark.fault("The broker is killed and comes back with its data", "nothing is lost")
def test_a_broker_that_comes_back_has_lost_nothing(site, busy):
    queued = [site.submit("greet") for _ in range(3)]
    site.kill("broker")
    answers(site)
    for run in busy:
        run.let_go()
    assert_succeeded(*busy, *queued)


@pytest.mark.fault(
    "The broker is killed and comes back without data", "queued tasks are lost"
)
def test_a_broker_that_comes_back_empty_loses_what_was_queued(site, busy):
    queued = site.submit("greet")
    pid = site.product.pids()["broker"][0]
    os.kill(pid, signal.SIGSTOP)  # it writes nothing more
    for path in (site.product.instance / "broker").glob("appendonlydir"):
        shutil.rmtree(path)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), PATIENCE, "the end of the broker")
    answers(site)
    assert_lost(queued)
    for run in busy:
        run.let_go()
    assert_succeeded(*busy)


@pytest.mark.fault("The broker hangs while tasks end", "they end when it continues")
def test_results_wait_for_a_broker_that_stands_still(site, busy):
    pid = site.product.pids()["broker"][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        for run in busy:
            run.let_go()
            run.wait_until_left()
        # Neither the status nor the end of a plain chain needs the broker; what follows does.
        assert busy[0].status()["status"] in ("PENDING", "SUCCESS")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert_succeeded(*busy)


@pytest.mark.fault(
    "The broker is unavailable when a task is submitted", "503, and the task has failed"
)
def test_a_submit_without_a_broker_fails_at_once(site):
    before = site.submit("greet")
    before.ended()
    pid = site.product.pids()["broker"][0]
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = requests.post(
            f"{site.product.url}plugins/trouble@v1-0-0/process/",
            data={"what": "greet", "how": "chain", "gate": str(site.folder / "gate")},
            timeout=60,
        )
    finally:
        os.kill(pid, signal.SIGCONT)
    assert answer.status_code == 503, answer.text
    newest = site.tasks()[0]["id"]
    assert newest > before.id
    status = requests.get(f"{site.product.url}tasks/{newest}/", timeout=30).json()
    assert (status["status"], status["state"]) == ("FAILURE", "failed")
    assert "broker" in status["log"]


@pytest.mark.fault("A message is delivered twice at the same time", "it runs once")
@pytest.mark.fault("A message is delivered again after the end", "nothing happens")
def test_a_message_that_is_delivered_twice_is_done_once(site, busy):
    run = site.submit("wait")
    with site.broker() as broker:
        wait_until(lambda: broker.llen(QUEUE) == 1, PATIENCE, "the message is queued")
        message = broker.lindex(QUEUE, 0)
        broker.lpush(QUEUE, message)
        for blocker in busy:
            blocker.let_go()
        run.wait_until_started()
        wait_until(lambda: broker.llen(QUEUE) == 0, PATIENCE, "both are taken")
        run.let_go()
        assert_succeeded(run)
        before = run.status()
        broker.lpush(QUEUE, message)
        wait_until(lambda: broker.llen(QUEUE) == 0, PATIENCE, "it is taken again")
        assert_succeeded(site.submit("greet"))
        assert run.status() == before
        assert len(run.starts()) == 1


@pytest.mark.fault("A worker dies with a message that it had not started", "requeued")
def test_a_message_that_a_dead_worker_had_taken_is_queued_again(site, busy):
    run = site.submit("greet")
    with site.broker() as broker:
        wait_until(lambda: broker.llen(QUEUE) == 1, PATIENCE, "the message is queued")
        # As the transport does when a worker takes it.
        text = broker.rpop(QUEUE)
        message = json.loads(text)
        properties = message["properties"]
        tag = properties["delivery_tag"]
        info = properties["delivery_info"]
        entry = json.dumps([message, info["exchange"], info["routing_key"]])
        seconds, _ = broker.time()
        broker.hset("unacked", tag, entry)
        broker.zadd("unacked_index", {tag: seconds})
    for blocker in busy:
        blocker.let_go()
    assert_succeeded(run)


@pytest.mark.fault(
    "The broker is slow for a long time", "tasks take longer and end normally"
)
def test_a_slow_broker_makes_tasks_slow(tmp_path):
    (tmp_path / "broker").mkdir()
    with broker(tmp_path / "broker") as url:
        parts = urlsplit(url)
        with SlowLine(parts.port) as line:
            slow = parts._replace(
                netloc=parts.netloc.replace(str(parts.port), str(line.port))
            )
            urls = dict.fromkeys(("BROKER_URL", "RESULT_BACKEND"), slow.geturl())
            with Site(tmp_path, **urls) as site:
                running = site.submit("wait")
                running.wait_until_started()
                line.seconds = 0.25  # longer than the time between two signs of life
                queued = site.submit("wait_with_attempts")
                running.let_go()
                queued.let_go()
                assert_succeeded(running, queued)
                line.seconds = 0
