"""Plugins in the short form, written by a test, and an app that works on their tasks at once."""

import pytest
from helpers.author import Author


@pytest.fixture
def author(plugins):
    return Author(plugins)
