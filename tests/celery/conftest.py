from pathlib import Path

import pytest

HABITS = Path(__file__).with_name("habits")


@pytest.fixture(scope="session")
def plugin_folders():
    """The plugins that come with the runner, and tasks in all shapes."""
    return [str(Path(__file__).parents[2] / "plugins"), str(HABITS)]
