"""A page of another origin embeds the demo plugins, and each completes a run."""

import pytest
import requests
from helpers.processes import wait_until
from helpers.product import CHECKOUT

PENGUINS = CHECKOUT / "examples" / "penguins.csv"


def fill_text(frame):
    frame.get_by_label("Text").fill("World")


def fill_file(frame):
    frame.locator("input[type=file]").set_input_files(PENGUINS)


FORMS = {
    "entity-statistics": fill_file,
    "file-upload": fill_file,
    "hello-world": fill_text,
    "hello-world-multi-step": fill_text,
}


def submit(host, fill):
    """Fill the form, send it, and return the URL of the task."""
    host.clear()
    fill(host.frame)
    host.frame.get_by_role("button", name="Submit").click()
    return host.wait_for("form-submit")["resultUrl"]


def status(url):
    return requests.get(url, timeout=30).json()


@pytest.mark.parametrize("name", FORMS)
def test_a_page_of_another_origin_completes_a_run(host, product, name):
    assert not product.url.startswith(host.url)
    host.embed(f"{product.url}plugins/{name}@v1-0-0/ui/")
    url = submit(host, FORMS[name])
    wait_until(
        lambda: status(url)["status"] != "PENDING" or status(url).get("steps"),
        60,
        f"the end or a step of {url}",
    )
    for step in status(url).get("steps", []):
        host.embed(step["uiHref"])
        assert submit(host, FORMS[name]) == url
    wait_until(lambda: status(url)["status"] != "PENDING", 60, f"the end of {url}")
    assert status(url)["status"] == "SUCCESS", status(url)["log"]
    assert status(url)["outputs"]
