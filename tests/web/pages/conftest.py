"""Apps with plugins written by a test."""

import pytest
from helpers.html_tree import read_html
from helpers.runner import IN_MEMORY

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def make_client(plugins):
    """Make a client of a new app; settings go over those that all tests use."""

    def make_client(**settings):
        return plugins.client(**{"CELERY": IN_MEMORY, **settings})

    return make_client


@pytest.fixture
def client(make_client):
    return make_client()


@pytest.fixture
def debug_client(make_client):
    return make_client(DEBUG=True)


@pytest.fixture
def visit():
    """Get a page as a browser does, and read it."""

    def visit(client, path, **arguments):
        response = client.get(path, headers=BROWSER, **arguments)
        assert response.status_code == 200, response.text
        assert response.mimetype == "text/html"
        return read_html(response.text)

    return visit
