"""The console on the page of a task, in a browser."""

from urllib.parse import urljoin

import requests
from helpers.chromium import barriers
from playwright.sync_api import expect


def test_the_console_of_a_task_fills_while_somebody_looks(page, product, shoot, tmp_path):
    gate = tmp_path / "gate"
    process = product.url + "plugins/talkative@v1/process/"
    sent = requests.post(process, data={"gate": str(gate)}, allow_redirects=False)
    page.goto(urljoin(process, sent.headers["Location"]))
    console = page.locator("#console-text")
    expect(console).to_have_text("the first line\n")
    expect(console).to_be_hidden()
    page.locator("#console summary").click()
    expect(console).to_be_visible()
    gate.touch()
    expect(console).to_have_text("the first line\nthe last line\n")
    expect(console).to_be_visible()
    shoot(page, "console")
    assert barriers(page) == []
