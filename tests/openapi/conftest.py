"""Each test starts without plugins."""

import pytest
from helpers.plugins import isolated_plugins


@pytest.fixture
def plugins(tmp_path):
    with isolated_plugins(tmp_path) as plugins:
        yield plugins
