"""One app with the demo plugins for all files, and one web server that has them."""

from pathlib import Path

import pytest
from helpers.runner import runner
from helpers.site import Site, serving

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.fixture(scope="module")
def site():
    site = Site()
    with serving(site) as site.url:
        yield site


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runner")
    with runner(folder, PLUGIN_FOLDERS=[str(PLUGINS)]) as app, app.app_context():
        yield app.test_client()
