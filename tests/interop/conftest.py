"""A real runner in this process, a receiver of webhooks, and a site for strange answers."""

import pytest
from helpers.runner import runner
from helpers.site import serving
from helpers.worker import QUICK, working

from qhana_plugin_runner.plugin_utils import interop


@pytest.fixture
def app(tmp_path):
    with runner(tmp_path, CELERY=QUICK, PLUGIN_FOLDERS=[]) as app:
        yield app


@pytest.fixture
def runner_url(app):
    """The URL of a runner that answers over HTTP."""
    with serving(app) as url:
        yield url


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """A worker, for the app of each test, that does not pause long between two looks."""
    folder = tmp_path_factory.mktemp("worker")
    with (
        runner(folder, CELERY=QUICK, PLUGIN_FOLDERS=[]),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(interop, "FIRST_DELAY", 0.01)
        patch.setattr(interop, "MAX_DELAY", 0.05)
        with working():
            yield
