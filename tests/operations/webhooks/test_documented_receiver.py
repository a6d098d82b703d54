"""The receiver of the documentation takes the calls of the runner, and no others."""

import subprocess
from types import ModuleType
from urllib.parse import quote

import pytest
import requests
from helpers.markdown import only_block
from helpers.outbox import TASK_URL, deliver, deliveries, make_task_with
from helpers.runner import runner
from helpers.site import serving

from qhana_plugin_runner.api.tasks import TaskCommandSchema
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.tasking.outbox import enqueue

PAGE = "how-to/webhooks.md"


@pytest.fixture
def secret():
    command = only_block(PAGE, "make-secret").text
    return subprocess.check_output(command, shell=True, text=True).strip()


@pytest.fixture
def receiver(secret, monkeypatch):
    """The URL of the receiver."""
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    module = ModuleType("documented_receiver")
    exec(compile(only_block(PAGE, "receiver").text, PAGE, "exec"), vars(module))
    module.SUBSCRIBED = {TASK_URL}
    with serving(module.app) as url:
        yield f"{url}/hook"


@pytest.fixture
def call(tmp_path, receiver):
    """Let a runner with a secret call the receiver, and return the answer."""

    def call(secret, task_url=TASK_URL):
        settings = {"WEBHOOK_SECRET": secret, "PLUGIN_FOLDERS": []}
        with runner(tmp_path, **settings) as app, app.app_context():
            enqueue(make_task_with((receiver, "status"), task_url=task_url), "status")
            DB.session.commit()
            deliver(app)
            return deliveries()[-1].last_answer

    return call


def test_it_takes_the_calls_of_the_runner(call, secret, capsys):
    assert call(secret) == "HTTP 204"
    assert TASK_URL in capsys.readouterr().out


def test_it_takes_them_while_secrets_change(call, secret):
    assert call(f"whsec_{'A' * 32} {secret}") == "HTTP 204"


def test_it_refuses_calls_about_other_tasks(call, secret):
    assert call(secret, task_url="http://public.example/tasks/2/") == "HTTP 401"


def test_it_refuses_calls_that_are_signed_with_another_secret(call):
    assert call(f"whsec_{'A' * 32}") == "HTTP 401"


@pytest.mark.parametrize("timestamp", ["", "x", "1614265330"])
def test_it_refuses_calls_of_others(receiver, timestamp):
    headers = {"webhook-id": "msg_1", "webhook-timestamp": timestamp}
    headers["webhook-signature"] = "v1,AAAA"
    url = f"{receiver}?source={quote(TASK_URL, safe='')}&event=status"
    assert requests.post(url, headers=headers, timeout=60).status_code == 401


def test_the_subscription_of_the_page_is_one():
    command = only_block(PAGE, "command").text
    assert TaskCommandSchema().loads(command)["event"] == "status"
