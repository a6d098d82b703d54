"""The pages that show the API work in a browser without network."""

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("path", ["rapidoc", "redoc", "swagger-ui"])
def test_a_viewer_of_the_api_shows_the_resources(page, product, path):
    page.goto(f"{product.url}{path}/")
    shown = page.get_by_text("hello-world@v1-0-0").filter(visible=True)
    expect(shown.first).to_be_visible()
