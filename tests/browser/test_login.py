"""A runner that requires tokens: log in, run a plugin in its micro frontend, log out."""

import re

import pytest
from helpers.plugins import isolated_plugins
from helpers.product import CHECKOUT
from helpers.site import serving
from helpers.worker import QUICK, working
from playwright.sync_api import expect

GREETING = "workbench/plugins/hello-world@v1-0-0/"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A runner where everybody needs a token, with a worker."""
    folder = tmp_path_factory.mktemp("login")
    settings = {
        "AUTH_MODE": "token",
        "SECRET_KEY": "only for tests, and long enough for tokens",
        "CELERY": QUICK,
        "FILE_STORE_ROOT_PATH": str(folder / "files"),
    }
    with isolated_plugins(folder) as plugins:
        app = plugins.app(CHECKOUT / "plugins" / "hello.py", **settings)
        with working():
            yield app


@pytest.fixture(scope="module")
def url(app):
    with serving(app) as url:
        yield f"{url}/"


@pytest.fixture
def log_in(app, page):
    """Enter a new token with a role on the page that asks for it."""

    def enter(role):
        command = ["token", "create", "--role", role, "--expires", "1h"]
        done = app.test_cli_runner().invoke(args=command)
        assert done.exit_code == 0, done.output
        page.get_by_label("Access token").fill(done.stdout.strip())
        page.get_by_role("button", name="Log in").click()

    return enter


def test_log_in_run_a_plugin_and_log_out(url, page, log_in, shoot):
    page.goto(url + GREETING)
    shoot(page, "login")
    log_in("run")
    page.wait_for_url(url + GREETING)
    form = page.frame_locator("iframe.micro-frontend")
    form.get_by_label("Text").fill("World")
    form.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    expect(page.locator("#task-state strong")).to_have_text("finished")
    expect(page.locator("main")).to_contain_text("Hello World")

    shoot(page, "logged-in")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(url + "login/")
    page.goto(url + "tasks/")
    expect(page.get_by_label("Access token")).to_be_visible()


def test_a_token_that_is_not_one_is_refused_with_a_reason(url, page, watch):
    watch.expected.append("status of 401")
    page.goto(f"{url}tasks/")
    page.get_by_label("Access token").fill("no token")
    with page.expect_response(re.compile("/login/")) as answered:
        page.get_by_role("button", name="Log in").click()
    assert answered.value.status == 401
    expect(page.get_by_role("alert").first).to_contain_text("not valid here")
