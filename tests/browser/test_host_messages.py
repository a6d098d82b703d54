"""The host side of the protocol: what the workbench does with each message of a frame."""

import re

import pytest
import requests
from playwright.sync_api import expect

PICTURE = "plugins/picture@v1-0-0/"

LISTEN = "window.got = []; addEventListener('message', (event) => got.push(event.data))"


class Frame:
    """The micro frontend of a page of the workbench, of which a test is the script."""

    def __init__(self, page, product):
        self.page = page
        page.goto(f"{product.url}workbench/{PICTURE}")
        self.element = page.locator("iframe.micro-frontend")
        expect(page.frame_locator("iframe").locator("#place")).to_have_text("workspace")
        (self.frame,) = page.frames[1:]
        self.frame.evaluate(LISTEN)

    def say(self, message):
        self.frame.evaluate("message => parent.postMessage(message, '*')", message)

    def answer(self, type_):
        """Wait for a message of the host, and return it."""
        find = "type => got.find((message) => message.type === type)"
        return self.frame.wait_for_function(find, arg=type_).json_value()

    def types(self):
        """Return the types of what the host has sent, all that was said before included."""
        self.say("ui-loaded")
        self.answer("plugin-context")
        return self.frame.evaluate("got.map((message) => message.type)")


@pytest.fixture
def frame(page, product):
    return Frame(page, product)


def test_a_frame_that_is_loaded_gets_styles_and_its_place(frame, product):
    frame.say("ui-loaded")
    (url,) = frame.answer("load-css")["urls"]
    assert requests.get(url, timeout=30).headers["Content-Type"].startswith("text/css")
    assert frame.answer("plugin-context")["location"] == "workspace"


def test_a_frame_gets_the_height_that_it_asks_for(frame):
    frame.say({"type": "ui-resize", "height": 777})
    expect(frame.element).to_have_css("height", "777px")
    frame.say({"type": "ui-resize", "height": 10**9})
    expect(frame.element).to_have_css("height", "20000px")
    frame.say({"type": "ui-resize", "height": 500, "targetHeight": 640})
    expect(frame.element).to_have_css("height", "640px")
    frame.say({"type": "ui-resize", "height": "all of it"})
    frame.say({"type": "ui-resize", "height": 500, "targetHeight": "full"})
    full = f"{frame.page.viewport_size['height'] - 160}px"
    expect(frame.element).to_have_css("height", full)


def test_what_is_known_of_files_and_plugins_is_told(frame, product):
    answer = requests.post(
        f"{product.url}files/",
        files={"file": ("a.csv", b"ID\n")},
        data={"dataType": "entity/list"},
        timeout=30,
    )
    href = answer.json()["href"]
    info = {"type": "request-data-url-info", "inputKey": "data", "dataUrl": href}
    frame.say(info)
    assert frame.answer("data-url-response") == {
        "type": "data-url-response",
        "inputKey": "data",
        "href": href,
        "dataType": "entity/list",
        "contentType": "text/csv",
        "filename": "a.csv",
    }
    url = product.url + PICTURE
    info = {"type": "request-plugin-url-info", "inputKey": "helper", "pluginUrl": url}
    frame.say(info)
    assert frame.answer("plugin-url-response") == {
        "type": "plugin-url-response",
        "inputKey": "helper",
        "pluginUrl": url,
        "pluginName": "picture",
        "pluginVersion": "v1.0.0",
    }


def test_of_what_is_not_known_nothing_is_told(frame):
    with frame.page.expect_response(re.compile("file-facts")):
        frame.say(
            {"type": "request-data-url-info", "inputKey": "data", "dataUrl": "http://x/"}
        )
    assert "data-url-response" not in frame.types()


def test_implementations_are_circuits_of_earlier_tasks(frame, product):
    frame.say("implementations-request")
    assert frame.answer("implementations-response")["implementations"] == []
    requests.post(
        f"{product.url}files/",
        files={"file": ("a.qasm", b"OPENQASM 2.0;")},
        data={"dataType": "executable/circuit", "contentType": "application/qasm"},
        timeout=30,
    ).raise_for_status()
    frame.frame.evaluate("got.length = 0")
    frame.say("implementations-request")
    (found,) = frame.answer("implementations-response")["implementations"]
    assert (found["name"], found["type"]) == ("a.qasm", "application/qasm")
    assert requests.get(found["download"], timeout=30).text == "OPENQASM 2.0;"


def test_a_form_on_its_way_is_busy_until_it_is_refused(frame):
    frame.say("ui-loading")
    expect(frame.element).to_have_attribute("aria-busy", "true")
    error = {"code": 418, "status": "I'm a teapot"}
    frame.say({"type": "form-error", "status": 418, "error": error})
    expect(frame.page.locator("#message")).to_contain_text("418 I'm a teapot")
    expect(frame.element).not_to_have_attribute("aria-busy", "true")


def test_an_answer_that_is_no_page_is_told_and_the_form_is_there_again(frame, watch):
    watch.expected.append("405")
    form = frame.page.frame_locator("iframe.micro-frontend")
    form.get_by_label("Entities").fill("http://localhost/entered")
    form.get_by_role("button", name="Validate").click()
    message = frame.page.locator("#message")
    expect(message).to_have_text(
        "The plugin did not return a page: 405 "
        "The method is not allowed for the requested URL."
    )
    expect(form.get_by_label("Entities")).to_have_value("http://localhost/entered")
    expect(frame.element).to_be_visible()


@pytest.mark.parametrize(
    "kind, said", [("json", "418 a: Brewed."), ("html", "418"), ("xml", "418")]
)
def test_a_page_that_cannot_be_shown_is_told_instead(page, product, watch, kind, said):
    watch.expected.append("418")
    page.goto(f"{product.url}workbench/{PICTURE}?fail={kind}")
    expect(page.locator("#message")).to_have_text(
        f"The plugin did not return a page: {said}"
    )
    expect(page.locator("iframe.micro-frontend")).to_be_hidden()


def test_a_form_is_shown_whatever_its_status_is(page, product, watch):
    watch.expected.append("422")
    page.goto(f"{product.url}workbench/{PICTURE}?fail=form")
    form = page.frame_locator("iframe.micro-frontend")
    expect(form.get_by_label("Entities")).to_be_visible()
    expect(form.locator("#place")).to_have_text("workspace")
    expect(page.locator("#message")).to_be_hidden()


def test_a_result_that_is_no_task_here_is_a_link(frame):
    frame.say(
        {
            "type": "form-submit",
            "formData": "",
            "dataInputs": [],
            "resultUrl": "http://127.0.0.1:9/tasks/1/",
        }
    )
    link = frame.page.locator("#message a")
    expect(link).to_have_attribute("href", "http://127.0.0.1:9/tasks/1/")
    assert "/workbench/" in frame.page.url


def test_messages_of_other_windows_and_unknown_ones_do_nothing(frame):
    frame.page.evaluate("postMessage({type: 'form-error', status: 1}, '*')")
    frame.say({"type": "constructor"})
    frame.say({"type": "something-of-a-plugin"})
    frame.say(None)
    frame.say("ui-prevent-submit")
    assert frame.types() == ["load-css", "plugin-context"]
    expect(frame.page.locator("#message")).to_be_hidden()
