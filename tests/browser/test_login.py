"""A runner that requires tokens: log in, run a plugin in its micro frontend, log out."""

import re
import subprocess
import sys

import pytest
from helpers.product import CHECKOUT, Product, outside_environment
from playwright.sync_api import expect

GREETING = "workbench/plugins/hello-world@v1-0-0/"


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """The product, where everybody needs a token."""
    with Product(
        tmp_path_factory.mktemp("login") / "instance", environment={"AUTH_MODE": "token"}
    ) as running:
        yield running


@pytest.fixture
def log_in(product, page):
    """Enter a new token with a role on the page that asks for it."""

    def enter(role):
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "qhana_plugin_runner"]
            + ["token", "create", "--role", role, "--expires", "1h"],
            env=outside_environment(
                QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(product.instance),
                AUTH_MODE="token",
                FLASK_DEBUG="0",
            ),
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        page.get_by_label("Access token").fill(done.stdout.strip())
        page.get_by_role("button", name="Log in").click()

    return enter


def test_log_in_run_a_plugin_and_log_out(product, page, log_in, shots):
    page.goto(product.url + GREETING)
    page.screenshot(path=shots / "login.png")
    log_in("run")
    page.wait_for_url(product.url + GREETING)
    form = page.frame_locator("iframe.micro-frontend")
    form.get_by_label("Text").fill("World")
    form.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    expect(page.locator("#task-state strong")).to_have_text("finished")
    expect(page.locator("main")).to_contain_text("Hello World")

    page.screenshot(path=shots / "logged-in.png")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(product.url + "login/")
    page.goto(product.url + "tasks/")
    expect(page.get_by_label("Access token")).to_be_visible()


def test_a_token_that_is_not_one_is_refused_with_a_reason(product, page, watch):
    watch.expected.append("status of 401")
    page.goto(f"{product.url}tasks/")
    page.get_by_label("Access token").fill("no token")
    with page.expect_response(re.compile("/login/")) as answered:
        page.get_by_role("button", name="Log in").click()
    assert answered.value.status == 401
    expect(page.get_by_role("alert").first).to_contain_text("not valid here")
