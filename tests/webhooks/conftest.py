"""An app that tells subscribers, and a receiver of webhooks."""

import pytest
from helpers.receiver import receiving
from helpers.runner import runner
from helpers.worker import QUICK, working

from qhana_plugin_runner.webhooks import register_webhooks


@pytest.fixture
def webhook():
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def app(tmp_path):
    with runner(tmp_path, CELERY=QUICK, PLUGIN_FOLDERS=[]) as app:
        register_webhooks(app)
        yield app


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """A worker for the app of each test."""
    with runner(tmp_path_factory.mktemp("worker"), CELERY=QUICK, PLUGIN_FOLDERS=[]):
        with working():
            yield
