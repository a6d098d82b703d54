"""A web server on loopback that serves whatever a test puts on it."""

import pytest
from helpers.site import Site, serving


@pytest.fixture
def site():
    site = Site()
    with serving(site) as site.url:
        yield site
