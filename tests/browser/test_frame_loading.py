"""What a micro frontend says when it is loaded, and who it listens to."""

import marshmallow as ma
import pytest
from helpers.frame_pages import FramePages
from helpers.site import serving
from playwright.sync_api import expect

from qhana_plugin_runner.api.util import FileUrl, PluginUrl

LOAD = ["ui-loaded", "ui-resize"]

GLOBALS = [
    "registerMessageListener",
    "sendMessage",
    "sendSubmitStatus",
    "monitorHeightChanges",
    "notifyParentWindowOnHeightChange",
    "notifyParentWindowOnLoad",
    "getMicrofrontendWidth",
    "instrumentForm",
    "onFormSubmit",
    "submitFormData",
    "getPluginContext",
    "onLoadCssMessage",
    "onDataUrlResponseMessage",
    "onPluginUrlResponseMessage",
    "onAutoFillResponse",
    "onPluginContextUpdate",
]

STATE = """
    const state = window._qhana_microfrontend_state;
    return {
        href: state.href,
        lastHeight: state.lastHeight,
        count: typeof state.heightUnchangedCount,
        preventSubmit: state.preventSubmit,
        handlers: [typeof state.formSubmitHandler, typeof state.messageHandler],
        pluginContext: state.pluginContext,
        targetHeight: state.targetHeight ?? null,
        href_is: window.location.href,
    };
"""


def text_field(**metadata):
    return ma.fields.String(metadata=metadata)


def test_a_form_is_announced_in_order(host, frame_pages):
    url = frame_pages.add_form(
        data=FileUrl(), plugin=PluginUrl(), other_data=FileUrl(), text=text_field()
    )
    host.embed(f"{url}?data=http://localhost/1&plugin=http://localhost/2&text=x")
    host.wait_for("autofill-request")

    types = host.types()
    # The height may be told again meanwhile.
    once = [each for index, each in enumerate(types) if each not in types[:index]]
    assert once == [
        *LOAD,
        "request-data-url-info",
        "request-plugin-url-info",
        "autofill-request",
    ]
    assert host.records("ui-loaded") == ["ui-loaded"]
    assert host.records("autofill-request") == ["autofill-request"]
    # Nothing is asked for inputs without values.
    assert host.records("request-data-url-info") == [
        {
            "type": "request-data-url-info",
            "inputKey": "data",
            "dataUrl": "http://localhost/1",
        }
    ]
    assert host.records("request-plugin-url-info") == [
        {
            "type": "request-plugin-url-info",
            "inputKey": "plugin",
            "pluginUrl": "http://localhost/2",
        }
    ]


def test_a_page_without_form_asks_for_no_values(host, frame_pages):
    host.embed(frame_pages.add_old("<p>A picture.</p>"))
    host.settle()

    assert set(host.types()) == {*LOAD, "ui-submit-status"}
    assert host.types()[:2] == LOAD


def test_an_old_template_needs_nothing_but_the_script(host, frame_pages):
    host.embed(
        frame_pages.add_old(
            '<form class="qhana-form" action="/process/" method="post" data-target="api">'
            '<input name="inputStr" value="x">'
            '<button class="qhana-form-submit">Go</button></form>'
        )
    )
    host.frame.get_by_role("button", name="Go").click()

    message = host.wait_for("form-submit")
    assert message["formData"] == "inputStr=x"
    assert message["resultUrl"] == f"{frame_pages.url}/task/"


def test_the_script_may_be_included_twice(host, frame_pages):
    url = frame_pages.add_old(
        '<form class="qhana-form"></form><script src="/static/microfrontend.js"></script>'
    )
    host.embed(url)
    host.wait_for("autofill-request")
    host.settle()

    assert host.types().count("ui-loaded") == 1
    assert host.types().count("ui-submit-status") == 1


@pytest.mark.parametrize("attribute", ["defer", "async", 'type="module"'])
def test_the_script_may_come_late(host, frame_pages, attribute):
    url = frame_pages.add_old(
        "<form class=qhana-form></form>"
        f'<script {attribute} src="/static/microfrontend.js?late"></script>'
    )
    host.embed(url)
    host.wait_for("autofill-request")

    assert host.types().count("ui-loaded") == 1


def test_the_functions_and_the_state_are_there_for_scripts_of_the_plugin(
    host, frame_pages
):
    script = f"""
        window.missing = {GLOBALS}.filter((name) => typeof window[name] !== "function");
        window.early = (() => {{ {STATE} }})();
    """
    host.embed(frame_pages.add_form(script=script, text=text_field()))

    assert host.run("return window.missing") == []
    state = host.run("return window.early")
    assert state.pop("href") == state.pop("href_is")
    assert state == {
        "lastHeight": 0,
        "count": "number",
        "preventSubmit": False,
        "handlers": ["function", "function"],
        "pluginContext": None,
        "targetHeight": None,
    }


def test_a_page_of_its_own_stays_plain_html(page, frame_pages):
    script = f"""
        window.missing = {GLOBALS}.filter((name) => typeof window[name] !== "function");
        window.context = getPluginContext();
        sendMessage("nobody hears this");
    """
    page.goto(frame_pages.add_form(script=script, data=FileUrl(), plugin=PluginUrl()))

    assert page.evaluate("window.missing") == []
    assert page.evaluate("window.context") == {}
    assert page.evaluate("window._qhana_microfrontend_state === undefined")
    for button in ("choose-file", "choose-plugin", "show-preview"):
        expect(page.locator(f".qhana-{button}-button")).to_be_hidden()
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(f"{frame_pages.url}/task/")
    assert frame_pages.sent[0]["method"] == "POST"


def test_a_plugin_can_instrument_the_forms_of_a_page_of_its_own(page, frame_pages):
    script = """
        window._qhana_microfrontend_state = {};
        instrumentForm();
        window._qhana_microfrontend_state.formSubmitHandler = (event, dataInputs) => {
            window.handled = [...dataInputs];
            return window.isMine;
        };
    """
    page.goto(frame_pages.add_form(script=script, data=FileUrl()))
    expect(page.locator(".qhana-choose-file-button")).to_be_hidden()
    page.evaluate("window.isMine = true")
    page.locator("form").evaluate(
        "form => form.addEventListener('submit', event => event.preventDefault())"
    )
    page.get_by_role("button", name="Submit").click()
    assert page.evaluate("window.handled") == ["data"]
    assert frame_pages.sent == []

    page.evaluate("window.isMine = false")
    page.reload()
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(f"{frame_pages.url}/task/")
    assert len(frame_pages.sent) == 1


def test_a_page_that_another_has_opened_works_like_one_in_a_frame(page, frame_pages):
    url = frame_pages.add_form(text=text_field())
    page.goto(frame_pages.add_old("<p>Opens.</p>"))
    page.evaluate(
        """url => {
            window.heard = [];
            window.addEventListener("message", ({data}) => window.heard.push(data.type ?? data));
            window.open(url);
        }""",
        url,
    )

    page.wait_for_function("window.heard.includes('autofill-request')")
    assert page.evaluate("window.heard[0]") == "ui-loaded"


# -- who is listened to -----------------------------------------------------------------------


def test_another_frame_is_not_listened_to(host, frame_pages):
    host.embed(frame_pages.add_form(data=FileUrl()))
    host.page.evaluate("""() => new Promise((resolve) => {
            const other = document.createElement("iframe");
            other.srcdoc = `<script>
                const frame = parent.document.getElementById("frame").contentWindow;
                frame.postMessage("ui-prevent-submit", "*");
                frame.postMessage({type: "data-url-response", inputKey: "data", href: "x:"}, "*");
            </script>`;
            other.onload = resolve;
            document.body.append(other);
        })""")
    host.settle()

    assert host.records("ui-submit-status")[-1]["isAllowedToSubmit"] is True
    assert host.frame.locator("#data").input_value() == ""


@pytest.fixture
def open_pages():
    """Micro frontends of a runner that lets all pages use it."""
    pages = FramePages(ALLOWED_ORIGINS="*")
    with serving(pages.app) as pages.url:
        yield pages


def test_a_host_without_an_origin_is_answered_too(page, host_url, open_pages):
    url = open_pages.add_form(text=text_field())
    page.goto(f"{host_url}/host.html")
    page.evaluate(
        """url => {
            window.heard = [];
            window.addEventListener("message", ({data}) => window.heard.push(data));
            const host = document.createElement("iframe");
            host.sandbox = "allow-scripts";
            host.srcdoc = `<script>
                addEventListener("message", ({data}) => parent.postMessage(data, "*"));
                function ask(frame) { frame.contentWindow.postMessage("ui-submit-status", "*"); }
            </script><iframe src="${url}" onload="ask(this)"></iframe>`;
            document.body.append(host);
        }""",
        url,
    )
    page.wait_for_function("heard.some((each) => each.type === 'ui-submit-status')")
    assert page.evaluate("heard[0]") == "ui-loaded"


def test_an_opener_that_has_become_another_site_is_not_listened_to(
    page, host_url, frame_pages, watch
):
    url = frame_pages.add_form(text=text_field())
    page.goto(f"{host_url}/host.html")
    with page.expect_popup() as opened:
        page.evaluate(
            """url => {
                window.heard = [];
                window.addEventListener("message", ({data}) => window.heard.push(data.type ?? data));
                window.opened = window.open(url, "opened");
            }""",
            url,
        )
    page.wait_for_function("window.heard.includes('autofill-request')")
    page.evaluate("opened.postMessage({type: 'plugin-context', experimentId: 7}, '*')")
    opened.value.wait_for_function("getPluginContext()?.experimentId === 7")

    # What is now in the opener's window belongs to another origin than the host did.
    watch.expected.append("does not match the recipient window's origin")
    page.goto(frame_pages.add_old("<p>Somebody else.</p>"))
    page.evaluate("""() => {
        window.heard = [];
        window.addEventListener("message", ({data}) => window.heard.push(data.type ?? data));
        const opened = window.open("", "opened");
        opened.eval(`addEventListener("message", ({data}) => {
            window.isLast ||= data === "the last one";
        })`);
        opened.postMessage({type: "plugin-context", experimentId: 8}, "*");
        opened.postMessage("ui-prevent-submit", "*");
        opened.postMessage("ui-submit-status", "*");
        opened.postMessage("the last one", "*");
        opened.eval("sendMessage('for the host that was')");
    }""")
    opened.value.wait_for_function("window.isLast")
    told = "window._qhana_microfrontend_state.preventSubmit"
    assert opened.value.evaluate(told) is False
    assert opened.value.evaluate("getPluginContext().experimentId") == 7
    assert page.evaluate("window.heard") == []
