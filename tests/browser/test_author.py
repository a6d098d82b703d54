"""An author makes a plugin, sees each mistake where it was made, and runs it by a client.

With ``-s`` it prints how long each wait was.
"""

import json
import re
import subprocess
import sys
import time

import pytest
import requests
from helpers.processes import wait_until
from helpers.product import CHECKOUT, Product, outside_environment
from playwright.sync_api import expect

from qhana_plugin_runner.client import Runner

PLUGIN = "count-things"
ENTITIES = "ID,x\n1,2\n2,5\n3,7\n4,9\n"


class Stopwatch:
    """Notes how long each part has taken."""

    def __init__(self):
        self._last = time.monotonic()
        self._lines = []

    def lap(self, part):
        now = time.monotonic()
        self._lines.append(f"{now - self._last:6.1f} s  {part}")
        self._last = now

    def show(self):
        print("", *self._lines, sep="\n")


@pytest.fixture
def folder(tmp_path):
    """The folder of the author's plugins; it is empty."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    return folder


@pytest.fixture
def call(tmp_path, folder):
    """Call a command in the folder above."""

    def call(module, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            env=outside_environment(PLUGIN_FOLDERS=str(folder), PYTHONPATH=str(CHECKOUT)),
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


@pytest.fixture
def debug_product(tmp_path, folder):
    """The product as an author starts it."""
    environment = {"PLUGIN_FOLDERS": str(folder)}
    with Product(tmp_path / "instance", "--debug", environment=environment) as product:
        yield product


@pytest.mark.timeout(600)
def test_from_nothing_to_a_tested_plugin(
    debug_product, folder, call, tmp_path, new_page, watch, capsys
):
    clock, url = Stopwatch(), debug_product.url
    form = f"{url}plugins/{PLUGIN}@v0-1-0/ui/"
    page = new_page()
    watch.expected.append("status of 503")

    made = json.loads(
        call("qhana_plugin_runner", "plugin", "new", PLUGIN, "--folder", folder, "--json")
    )
    clock.lap("plugin new")
    assert "2 passed" in call("pytest", made["folder"])
    clock.lap("its test is green")

    def wait_for(text):
        try:
            wait_until(lambda: text in requests.get(form, timeout=60).text, 90, text)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{debug_product.log}") from None

    wait_for("How many entities to take.")
    (module,) = folder.glob("*/__init__.py")
    first = module.read_text("utf-8")
    clock.lap("served")

    edited = first.replace("How many entities to take.", "How many things to take.")
    module.write_text(edited.replace("def ", "deff "))
    wait_for("SyntaxError")
    answer = page.goto(form)
    assert answer.status == 503
    line = edited[: edited.index("def ")].count("\n") + 1
    expect(page.get_by_text("SyntaxError").first).to_be_visible()
    assert re.search(rf"__init__\.py\D+{line}\b", page.locator("body").inner_text())
    clock.lap("broken, and the error seen in the browser, with its line")

    module.write_text(
        edited.replace("    first = [", '    print("hello")\n    first = [')
    )
    wait_for("How many things to take.")
    # The page of the error loads itself again.
    expect(page.get_by_text("How many things to take.")).to_be_visible()
    expect(page.get_by_label("Count")).to_have_value("3")
    clock.lap("repaired and changed, and seen in the browser")

    assert "0 findings" in call("qhana_plugin_runner", "plugin", "check", made["folder"])
    clock.lap("checks")

    table = tmp_path / "things.csv"
    table.write_text(ENTITIES, "utf-8")
    task = Runner(url).submit(PLUGIN, entities=table, count=2).wait(120)
    output = task.outputs["first"]
    assert [each["x"] for each in output.json()] == ["2", "5"]
    assert "Took 2 entities." in task.log
    page.goto(f"{url}tasks/{task.id}/")
    page.get_by_text("Console").first.click()
    expect(page.get_by_text("hello", exact=True)).to_be_visible()
    clock.lap("run by the client, and its console seen in the browser")
    with capsys.disabled():
        clock.show()
