"""The page that shows each message of a micro frontend."""

import json

import pytest
from helpers.plugins import isolated_plugins
from helpers.product import CHECKOUT
from helpers.site import serving
from playwright.sync_api import expect


@pytest.fixture
def debugged(page, tmp_path):
    """The page, with the form of the greeting."""
    with isolated_plugins(tmp_path) as plugins:
        app = plugins.app(CHECKOUT / "plugins" / "hello.py", DEBUG=True)
        with serving(app) as url:
            form = f"{url}/plugins/hello-world@v1-0-0/ui/"
            page.goto(f"{url}/debug/frontend-debugger?url={form}")
            yield page
            page.goto("about:blank")


def test_messages_of_both_directions_are_shown(debugged):
    received = debugged.locator(".message-received")
    expect(received.first).to_contain_text("ui-loaded")
    debugged.get_by_label("Message", exact=True).select_option("ui-submit-status")
    debugged.get_by_role("button", name="Send", exact=True).click()
    expect(debugged.locator(".message-sent")).to_contain_text("ui-submit-status")
    expect(received.last).to_contain_text("isAllowedToSubmit")


def test_any_message_can_be_sent_and_broken_json_is_refused(debugged):
    message = {
        "type": "autofill-response",
        "value": "inputStr=Ada",
        "encoding": "application/x-www-form-urlencoded",
    }
    expect(debugged.locator(".message-received").first).to_be_visible()
    field = debugged.get_by_label("As JSON")
    field.fill(json.dumps(message))
    debugged.get_by_role("button", name="Send", exact=True).click()
    form = debugged.frame_locator("#debugged")
    expect(form.get_by_label("Text")).to_have_value("Ada")
    field.fill("{")
    debugged.get_by_role("button", name="Send", exact=True).click()
    expect(debugged.locator("#send-error")).to_be_visible()
    debugged.get_by_role("button", name="Clear").click()
    expect(debugged.locator(".messages li")).to_have_count(0)
