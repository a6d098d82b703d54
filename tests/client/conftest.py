"""A runner that asks for tokens, behind a prefix, with a worker; and a client of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from helpers.markdown import only_block
from helpers.plugins import isolated_plugins
from helpers.product import CHECKOUT
from helpers.runner import runner as running
from helpers.site import serving
from helpers.worker import QUICK, working
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from qhana_plugin_runner.client import Runner
from qhana_plugin_runner.security.tokens import Role, issue

PREFIX = "/quantum/runner"


@pytest.fixture(scope="package")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    documented = folder / "documented"
    documented.mkdir()
    code = only_block("how-to/several-steps.md", "plugin").text
    (documented / "extract_column.py").write_text(code, "utf-8")
    own = Path(__file__).parent / "plugins"
    folders = [str(each) for each in (CHECKOUT / "plugins", own, documented)]
    settings = {"AUTH_MODE": "token", "CELERY": QUICK, "PLUGIN_FOLDERS": folders}
    with isolated_plugins(folder), running(folder, **settings) as app, working():
        yield app


@pytest.fixture(scope="package")
def url(app):
    with serving(DispatcherMiddleware(lambda *_: [], {PREFIX: app})) as root:
        yield root + PREFIX


@pytest.fixture(scope="package")
def token(app):
    """A token that may run plugins."""
    with app.app_context():
        return issue("a notebook", Role.RUN, timedelta(hours=1))


@pytest.fixture
def runner(url, token):
    with Runner(url, token) as runner:
        yield runner
