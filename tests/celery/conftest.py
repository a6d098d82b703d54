from pathlib import Path

import pytest
from helpers.databases import (  # noqa: F401
    app,
    database_of_module,
    postgresql,
    postgresql_database,
)
from helpers.runner import client, context  # noqa: F401

HABITS = Path(__file__).with_name("habits")


@pytest.fixture(scope="session")
def plugin_folders():
    """The plugins that come with the runner, and tasks in all shapes."""
    return [str(Path(__file__).parents[2] / "plugins"), str(HABITS)]
