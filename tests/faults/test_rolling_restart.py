"""All web servers and workers are restarted, one after the other, while clients work."""

import signal
from contextlib import ExitStack

import pytest
from helpers.faults import PATIENCE
from helpers.load import Load
from helpers.sockets import free_port


@pytest.mark.fault(
    "All web servers and workers are restarted, one at a time, under load",
    "each request gets a response, each task runs once",
)
def test_a_rolling_restart_loses_nothing(site):
    """Those of the product, and one of each beside them."""
    port = free_port()
    urls = [site.product.url, f"http://127.0.0.1:{port}/"]

    def second_web_server():
        return site.web(port)

    def second_worker():
        return site.worker("--concurrency", "2", TASK_SHUTDOWN_SECONDS="0.5")

    with ExitStack() as stack:
        seconds = (second_web_server, second_worker)
        running = [stack.enter_context(start())[0] for start in seconds]
        long = [site.submit("wait_with_attempts") for _ in range(2)]
        for run in long:
            run.wait_until_started()
        with Load(site.folder, urls, watched=long[0]) as load:
            for start, process in zip(seconds, running):
                load.go_on()
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE) == 0
                stack.enter_context(start())
            for part in ("web", "worker"):
                load.go_on()
                times = site.product.times_ready()
                site.kill(part, signal.SIGTERM)  # and the launcher starts it again
                site.product.wait_until_ready(times + 1)
            load.go_on()
        for run in long:
            run.let_go()
        load.assert_nothing_lost()
        ends = [run.ended() for run in long]
    # Each was given up by its worker, at least once.
    assert [(end["state"], end["attempt"]) for end in ends] == 2 * [("succeeded", 1)]
    assert all(len(run.starts()) > 1 for run in long)
