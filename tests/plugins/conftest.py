"""Each test starts without plugins."""

import pytest
from helpers.plugins import isolated_plugins


@pytest.fixture(autouse=True)
def warnings_logged(caplog):
    """Celery's test worker leaves the root logger with the level of errors."""
    caplog.set_level("WARNING")


@pytest.fixture
def plugins(tmp_path):
    with isolated_plugins(tmp_path) as plugins:
        yield plugins
