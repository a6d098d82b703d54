"""The documentation, built once for all tests."""

import subprocess
import sys
from html.parser import HTMLParser

import pytest
from helpers.markdown import DOCS


class Page(HTMLParser):
    """What tests look at in a page: its text, its ids and its links."""

    def __init__(self, html):
        super().__init__()
        self._pieces = []
        self.ids = set()
        self.links = set()
        self.feed(html)
        self.text = "".join(self._pieces)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if "id" in attributes:
            self.ids.add(attributes["id"])
        for name in ("href", "src"):
            if attributes.get(name):
                self.links.add(attributes[name])

    def handle_data(self, data):
        self._pieces.append(data)


class Site:
    """The built documentation.

    Attributes:
        result: the process that has built it
        folder: where it is
    """

    def __init__(self, folder):
        options = [
            "-n",
            "-W",
            "--keep-going",
            "-q",
            "-b",
            "html",
            "-d",
            f"{folder}.doctrees",
            # Without the objects in tables of contents: each page copies the tables of all pages.
            "-D",
            "toc_object_entries=0",
        ]
        self.folder = folder
        self.result = subprocess.run(
            [sys.executable, "-m", "sphinx", *options, DOCS, folder],
            capture_output=True,
            text=True,
            timeout=240,
        )
        self.pages = {
            path.relative_to(folder).as_posix(): Page(path.read_text("utf-8"))
            for path in folder.rglob("*.html")
        }


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("docs") / "html")
