"""The pages that show the API work in a browser without network."""

import pytest
from helpers.plugins import isolated_plugins
from helpers.product import CHECKOUT
from helpers.site import serving
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The URL of a runner with one plugin: a viewer takes seconds to draw all of them."""
    with isolated_plugins(tmp_path_factory.mktemp("docs")) as plugins:
        with serving(plugins.app(CHECKOUT / "plugins" / "hello.py")) as url:
            yield url


@pytest.mark.parametrize("path", ["rapidoc", "redoc", "swagger-ui"])
def test_a_viewer_of_the_api_shows_the_resources(page, url, path):
    page.goto(f"{url}/{path}/")
    shown = page.get_by_text("hello-world@v1-0-0").filter(visible=True)
    expect(shown.first).to_be_visible()
