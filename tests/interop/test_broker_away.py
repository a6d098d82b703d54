"""Talking to other runners while there is no broker."""

import json

import pytest
from helpers.runner import runner
from helpers.worker import NO_BROKER

from qhana_plugin_runner.celery import BrokerUnavailable
from qhana_plugin_runner.plugin_utils.interop import subscribe


def test_who_subscribes_learns_that_the_broker_is_away(site, tmp_path):
    link = {"type": "subscribe", "href": "/subscribe/"}
    task = json.dumps({"status": "PENDING", "links": [link]}).encode()
    url = site.put("/tasks/1/", task, Content_Type="application/json")
    site.put("/subscribe/", b"{}")
    with runner(tmp_path, CELERY=NO_BROKER, PLUGIN_FOLDERS=[]) as app, app.app_context():
        with pytest.raises(BrokerUnavailable):
            subscribe(url, "http://localhost/hook")
