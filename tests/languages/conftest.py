"""An app, and pages as people with different languages get them."""

import pytest
from helpers.html_tree import read_html
from helpers.runner import IN_MEMORY

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def client(plugins):
    return plugins.client(CELERY=IN_MEMORY)


@pytest.fixture
def visit():
    """Get a page as a browser with these languages does, and read it."""

    def visit(client, path, accept_language=None):
        headers = {"Accept": HTML}
        if accept_language is not None:
            headers["Accept-Language"] = accept_language
        response = client.get(path, headers=headers)
        assert response.status_code == 200, response.text
        assert "Accept-Language" in response.vary
        return read_html(response.text)

    return visit
