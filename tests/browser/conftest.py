"""The whole product, and a browser with the network cut off."""

import os
from pathlib import Path

import pytest
from helpers.chromium import Watch, launch
from helpers.frame_host import FrameHost, host_site
from helpers.frame_pages import FramePages
from helpers.product import CHECKOUT, Product
from helpers.site import serving
from playwright.sync_api import expect, sync_playwright

PLUGINS = Path(__file__).parent / "plugins"

# Milliseconds. Much longer than anything takes here, on a machine with much else to do.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def product(tmp_path_factory):
    """The product with the demo plugins and those of these tests; ``url`` is its address."""
    folders = f"{CHECKOUT / 'plugins'}:{PLUGINS}"
    instance = tmp_path_factory.mktemp("browser") / "instance"
    # One user, who does one thing at a time: second processes would only import the same packages.
    one_of_each = ("--workers", "1", "--concurrency", "1")
    with Product(
        instance, *one_of_each, environment={"PLUGIN_FOLDERS": folders}
    ) as running:
        yield running


@pytest.fixture(scope="package")  # other tests need an event loop of their own
def playwright():
    """What starts browsers; there is one at a time."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright):
    """A browser; tests take pages of it by :func:`page` or :func:`new_page`."""
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def watch():
    """What pages of the test have done; the test fails when something is wrong."""
    watch = Watch()
    yield watch
    assert watch.faults == []


@pytest.fixture
def new_page(chromium, watch):
    """Make a page in a browser context of its own; takes the options of such a context."""
    contexts = []

    def make(**options):
        context = chromium.new_context(**{"locale": "en-GB", **options})
        context.set_default_timeout(PATIENCE)
        watch.see(context)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page):
    """A page in a browser context of its own."""
    return new_page()


@pytest.fixture(scope="session")
def shoot():
    """Take a picture of a whole page, for who names a folder for them: ``SCREENSHOTS``."""
    folder = os.environ.get("SCREENSHOTS")

    def shoot(page, name):
        if folder:
            page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)

    return shoot


@pytest.fixture(scope="package")
def host_url():
    """The address of a page that embeds micro frontends; see :class:`FrameHost`."""
    with serving(host_site()) as url:
        yield url


@pytest.fixture
def host(page, host_url):
    """A host page on an origin of its own."""
    return FrameHost(page, host_url)


@pytest.fixture(scope="package")
def served_pages():
    pages = FramePages()
    with serving(pages.app) as pages.url:
        yield pages


@pytest.fixture
def frame_pages(served_pages):
    """Micro frontends that the test makes, on an origin of their own."""
    served_pages.reset()
    return served_pages
