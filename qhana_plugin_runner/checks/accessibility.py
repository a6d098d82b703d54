"""What axe finds in the forms of plugins, where axe, Playwright and a Chromium are installed."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple

from .findings import Finding

_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

_OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    # The page is shown without its styles; labels and images are looked at without a browser, too.
    "rules": {
        rule: {"enabled": False}
        for rule in ("color-contrast", "label", "select-name", "image-alt")
    },
}


class Form(NamedTuple):
    """The page of a form: the plugin, its URL, and the HTML."""

    plugin: str
    url: str
    html: str


def find_by_axe(
    forms: Mapping[str, Sequence[Form]],
) -> Iterator[tuple[str, Finding]]:
    """Find what keeps people from using forms; nothing where there is no browser.

    Args:
        forms: by the file of the plugin, as the findings are
    """
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    packages = ("axe_playwright_python", "playwright")
    if not any(forms.values()) or browser is None or not all(map(find_spec, packages)):
        return
    from playwright.sync_api import Error

    try:
        with _page(browser) as page:
            for file, form in [(file, each) for file in forms for each in forms[file]]:
                for finding in _violations(page, form):
                    yield file, finding
    except Error as error:  # browsers crash now and then; all other findings are of use
        reason = str(error).partition("\n")[0]
        print(f"axe has not looked at all forms: {reason}", file=sys.stderr)


def _violations(page: Any, form: Form) -> Iterator[Finding]:
    from axe_playwright_python.sync_playwright import Axe

    page.set_content(form.html, wait_until="domcontentloaded")
    for violation in Axe().run(page, options=_OPTIONS).response["violations"]:
        yield Finding.of(
            "form-fails-axe",
            form.plugin,
            form.url,
            rule=violation["id"],
            what=violation["help"],
            element=violation["nodes"][0]["html"][:200],
            url=violation["helpUrl"].partition("?")[0],
        )


@contextmanager
def _page(browser: str) -> Iterator[Any]:
    """Open a page of a browser without any network."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to run as root, which containers do.
        chromium = playwright.chromium.launch(
            executable_path=browser, chromium_sandbox=os.geteuid() != 0
        )
        context = chromium.new_context(offline=True)
        context.route("**/*", lambda route: route.abort())
        try:
            yield context.new_page()
        finally:
            chromium.close()
