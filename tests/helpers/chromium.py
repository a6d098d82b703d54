"""A real Chromium for tests, and an eye on what its pages do."""

import os
import re
import shutil
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error as PlaywrightError

# The shell is the same browser without windows, menus, and tabs: a page takes it half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")

LOOPBACK = ("127.0.0.1", "localhost", "::1")

# Every name but those of this machine is unknown, as if the network were cut off.
ONLY_LOOPBACK = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"

ARGUMENTS = [
    f"--host-resolver-rules={ONLY_LOOPBACK}",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # There is none; what stands for it costs less as a thread than as a process.
    "--disable-gpu",
    "--in-process-gpu",
    # Chromium's own sandbox refuses to run as root, which containers do.
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]


def find_chromium():
    """Return the path of a Chromium.

    Skips the test when there is none; in continuous integration it fails.
    """
    for name in NAMES:
        if path := shutil.which(name):
            return path
    reason = (
        f"NO BROWSER TEST IS RUN: none of {', '.join(NAMES)} is on PATH; "
        "on Debian: apt-get install chromium-headless-shell"
    )
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def launch(playwright, arguments=ARGUMENTS):
    """Start the browser; once more when it crashes, which it may while the machine is busy."""
    options = {"executable_path": find_chromium(), "args": arguments}
    try:
        return playwright.chromium.launch(**options)
    except PlaywrightError:
        return playwright.chromium.launch(**options)


def paste(control, text):
    """Paste a text into a control, as a browser tells its page."""
    control.evaluate(
        """(input, text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", text);
          const options = { clipboardData, bubbles: true, cancelable: true };
          input.dispatchEvent(new ClipboardEvent("paste", options));
        }""",
        text,
    )


def barriers(page):
    """Return what hinders people with disabilities in a page or a frame, as axe-core tells it."""
    # What is all right is not told: that is nearly everything.
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        each for each in found["violations"] if each["impact"] in ("serious", "critical")
    ]


class Watch:
    """What the pages of a test have done that they must not do.

    Attributes:
        expected: patterns of errors in the console that belong to the test, such as what the
            browser says itself of an answer with status 422.
        faults: all others, and requests that would leave this machine.
    """

    def __init__(self):
        self.expected = []
        self._errors = []
        self._strangers = []

    def see(self, context):
        """Watch all pages of a browser context."""
        context.on("request", self._see_request)
        context.on("console", self._see_message)
        context.on("weberror", lambda error: self._errors.append(str(error.error)))

    def _see_request(self, request):
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss"):
            if parts.hostname not in LOOPBACK:
                self._strangers.append(request.url)

    def _see_message(self, message):
        if message.type == "error":
            self._errors.append(f"{message.text} ({message.location.get('url')})")

    @property
    def faults(self):
        wrong = [
            error
            for error in self._errors
            if not any(re.search(pattern, error) for pattern in self.expected)
        ]
        return [*wrong, *(f"a request to {url}" for url in self._strangers)]
