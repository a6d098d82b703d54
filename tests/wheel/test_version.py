"""The version, which one place holds."""

import re
import subprocess
import sys
import tomllib

from helpers.product import CHECKOUT
from packaging.specifiers import SpecifierSet

import qhana_plugin_runner
from qhana_plugin_runner.requests import REQUEST_SESSION
from qhana_plugin_runner.version import runner_version

VERSION = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"][
    "version"
]

# Texts for people speak of versions, a lock file of those of others, and tests of examples.
SPEAKING = re.compile(r"\.(md|po|lock|ipynb)$|^(tests|qhana_plugin_runner/static)/")


def test_everything_asks_the_same_place():
    command = [sys.executable, "-m", "qhana_plugin_runner", "--version"]
    shown = subprocess.run(
        command, cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    assert shown.stdout == f"{VERSION}\n"
    assert qhana_plugin_runner.__version__ == runner_version() == VERSION
    agent = REQUEST_SESSION.headers["User-Agent"]
    assert agent.startswith(f"qhana-plugin-runner/{VERSION} python-requests/")


def test_no_second_place_holds_it():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, check=True, capture_output=True, text=True
    )
    found = []
    for name in listed.stdout.splitlines():
        path = CHECKOUT / name
        if SPEAKING.search(name) or not path.is_file():
            continue
        # Versions of plugins begin with "v".
        pattern = rf"(?<![\w.]){re.escape(VERSION)}(?![\w.])"
        lines = path.read_text("utf-8", "replace").splitlines()
        found += [(name, line) for line in lines if re.search(pattern, line)]
    assert found == [("pyproject.toml", f'version = "{VERSION}"')]


def test_the_changelog_begins_with_it():
    text = (CHECKOUT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(r"^## (\S+) \(", text, re.M)[1] == VERSION


def test_the_page_of_versions_names_each_python_that_may_install_the_wheel():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    allowed = SpecifierSet(project["requires-python"])
    page = (CHECKOUT / "docs" / "reference" / "versions.md").read_text("utf-8")
    row = re.search(r"^\| Python \| ([^|]*) \|", page, re.M)[1]
    assert row.split(", ") == [
        f"3.{minor}" for minor in range(30) if f"3.{minor}" in allowed
    ]
