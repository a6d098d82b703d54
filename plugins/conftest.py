"""The fixtures for tests of plugins, for those of all plugins here, and a table for them."""

import pytest
from palmerpenguins import load_penguins

from qhana_plugin_runner.testing.fixtures import *  # noqa: F401, F403


@pytest.fixture(scope="module")
def penguins():
    """Penguins with IDs: words, numbers and missing values, as pandas has them."""
    frame = load_penguins()
    frame.insert(0, "ID", [f"penguin {number}" for number in range(len(frame))])
    return frame


@pytest.fixture
def url(penguins, fake_data_server):
    """The URL of the penguins as a CSV file."""
    return fake_data_server.put(penguins.to_csv(index=False), "penguins.csv")
