"""A worker that ends while its broker does not answer."""

from types import SimpleNamespace

from helpers.faults import PATIENCE
from helpers.runner import runner
from helpers.services import broker
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from qhana_plugin_runner.tasking.in_flight import InFlight
from qhana_plugin_runner.tasking.messages import DELIVERY_ID, TASK_ID
from qhana_plugin_runner.worker import monitor
from qhana_plugin_runner.worker.monitor import Monitor


def test_a_worker_does_not_wait_for_long_for_its_broker(tmp_path, monkeypatch):
    monkeypatch.setattr(monitor, "STOP_SECONDS", 0.1)
    with runner(tmp_path, PLUGIN_FOLDERS=[]) as app:
        with broker(tmp_path / "broker") as url:
            retry = Retry(NoBackoff(), 0)
            with Redis.from_url(url, decode_responses=True, retry=retry) as client:
                tells = Monitor(app, InFlight(client), SimpleNamespace(pool=None))
                client.client_pause(2 * PATIENCE * 1000)
                tells.dropped({TASK_ID: 1, DELIVERY_ID: "one"}, "of this")
                tells.start()
                tells.stop()
                assert tells.is_alive()
        tells.join(PATIENCE)
        assert not tells.is_alive()
