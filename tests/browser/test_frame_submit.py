"""What becomes of a form in a frame: sent once, told to the host, errors shown."""

import json
import threading
from urllib.parse import parse_qsl

import marshmallow as ma
import pytest
from flask_smorest.fields import Upload
from helpers.frame_host import FrameHost
from playwright.sync_api import expect

from qhana_plugin_runner.api.util import FileUrl

# What the browser itself says of answers that are no success.
REFUSED = "Failed to load resource"


def text_field(**metadata):
    return ma.fields.String(metadata=metadata)


def submit(host):
    host.frame.get_by_role("button", name="Submit").click()


def test_a_form_is_sent_and_the_host_gets_to_know_the_task(host, frame_pages):
    url = frame_pages.add_form(
        text=text_field(),
        secret=text_field(input_type="password"),
        hidden_name=text_field(private=True),
        data=FileUrl(),
        file=Upload(),
    )
    host.embed(url)
    host.frame.locator("#text").fill("ä & b")
    host.frame.locator("#secret").fill("geheim")
    host.frame.locator("#hidden_name").fill("Ada")
    host.frame.locator("#data").fill("http://localhost/data")
    host.frame.locator("#file").set_input_files(
        {"name": "a b.txt", "mimeType": "text/plain", "buffer": b"text"}
    )
    submit(host)

    message = host.wait_for("form-submit")
    assert dict(parse_qsl(message.pop("formData"))) == {
        "text": "ä & b",
        "secret": "***",
        "hiddenName": "***",
        "data": "http://localhost/data",
        "file": "Uploaded file: a b.txt",
    }
    assert message == {
        "type": "form-submit",
        "formDataType": "application/x-www-form-urlencoded",
        "dataInputs": ["http://localhost/data"],
        "submitUrl": f"{frame_pages.url}/process/",
        "resultUrl": f"{frame_pages.url}/task/",
    }
    assert host.types().index("ui-loading") < host.types().index("form-submit")
    (sent,) = frame_pages.sent
    assert sent["method"] == "POST"
    assert sent["texts"]["secret"] == ["geheim"]
    assert sent["files"] == {"file": "a b.txt"}
    # Nothing private is in any other message either.
    assert "geheim" not in json.dumps(host.records())


def test_a_form_that_the_host_has_prevented_is_told_but_not_sent(host, frame_pages):
    host.embed(frame_pages.add_form(text=text_field()))
    host.tell("ui-prevent-submit")
    host.settle()
    assert host.records("ui-submit-status")[-1] == {
        "type": "ui-submit-status",
        "isAllowedToSubmit": False,
    }
    submit(host)
    message = host.wait_for("form-submit")
    assert "resultUrl" not in message
    assert message["submitUrl"] == f"{frame_pages.url}/process/"
    assert frame_pages.sent == []
    assert "ui-loading" not in host.types()

    host.tell("ui-allow-submit")
    submit(host)
    assert "resultUrl" in host.wait_for("form-submit", 2)


def test_a_form_for_the_micro_frontend_is_a_navigation(host, frame_pages):
    host.embed(frame_pages.add_form(number=ma.fields.Integer()))
    host.frame.locator("#number").evaluate("input => { input.type = 'text'; }")
    host.frame.locator("#number").fill("x")
    host.frame.get_by_role("button", name="Validate").click()

    host.wait_for("ui-loaded", 2)
    assert host.types().index("ui-loading") > 0
    expect(host.frame.locator("#number")).to_be_focused()
    expect(host.frame.locator("#number")).to_have_attribute("aria-invalid", "true")
    assert frame_pages.sent == [] and host.records("form-submit") == []


@pytest.mark.parametrize(
    "style", ["display: none", "visibility: hidden", "content-visibility: hidden"]
)
def test_a_field_that_is_hidden_by_a_script_does_not_block_the_form(
    host, frame_pages, watch, style
):
    watch.expected.append("is not focusable")  # beside one that is
    script = f'document.getElementById("hidden").closest("div").style = "{style}";'
    fields = {name: ma.fields.String(required=True) for name in ("hidden", "seen")}
    host.embed(frame_pages.add_form(script=script, **fields))
    submit(host)
    host.settle()
    # What can be seen is still refused, and shown to be wrong.
    assert frame_pages.sent == []
    expect(host.frame.locator("#seen")).to_be_focused()

    host.frame.locator("#seen").fill("a")
    submit(host)
    host.wait_for("form-submit")
    assert frame_pages.sent[0]["texts"] == {"hidden": [""], "seen": ["a"]}


def test_a_form_goes_by_any_method(host, frame_pages, watch):
    watch.expected.append(REFUSED)
    host.embed(frame_pages.add_form(text=text_field()))
    with host.page.expect_request("**/process/") as request:
        host.run("""
            const data = new FormData();
            data.append("a", "b");
            submitFormData(data, "/process/", "put").catch(() => {});
        """)
    assert request.value.method == "PUT"


def test_inputs_may_be_called_like_properties_of_a_form(host, frame_pages):
    host.embed(
        frame_pages.add_old(
            '<form class="qhana-form" action="/process/" method="post">'
            '<input name="action" value="x"><input name="method" value="y">'
            '<input name="elements" value="z"><input name="dataset" value="v">'
            '<button class="qhana-form-submit">Go</button></form>'
        )
    )
    host.frame.get_by_role("button", name="Go").click()
    message = host.wait_for("form-submit")
    assert message["formData"] == "action=x&method=y&elements=z&dataset=v"
    assert message["submitUrl"] == f"{frame_pages.url}/process/"


def test_the_button_decides_where_and_how_a_form_goes(host, frame_pages):
    host.embed(
        frame_pages.add_old(
            "<form class=qhana-form action=/nowhere/ method=post data-target=microfrontend>"
            "<input name=a value=1><button class=qhana-form-submit data-target=api "
            "formaction=/process/?b=2 formmethod=get name=c value=3>Go</button></form>"
        )
    )
    frame_pages.answer = lambda: {"status": "PENDING"}
    host.frame.get_by_role("button", name="Go").click()

    assert host.wait_for("form-submit")["formData"] == "a=1&c=3"
    (sent,) = frame_pages.sent
    assert (sent["method"], sent["query"]) == ("GET", {"a": ["1"], "c": ["3"]})


def test_a_double_click_submits_once(host, frame_pages):
    host.embed(frame_pages.add_form(text=text_field()))
    host.frame.get_by_role("button", name="Submit").dblclick()
    host.wait_for("form-submit")
    host.settle()

    assert len(frame_pages.sent) == 1


def test_the_second_click_may_come_after_the_answer_to_the_first(host, frame_pages):
    host.embed(frame_pages.add_form(text=text_field()))
    button = host.frame.get_by_role("button", name="Submit")
    button.click()
    host.wait_for("form-submit")
    button.hover()
    host.page.mouse.down(click_count=2)
    host.page.mouse.up(click_count=2)
    host.settle()

    assert len(frame_pages.sent) == 1


def test_a_form_under_way_is_not_sent_again(host, frame_pages):
    released = threading.Event()

    def answer_late():
        released.wait(30)
        return frame_pages.start_task()

    frame_pages.answer = answer_late
    host.embed(frame_pages.add_form(text=text_field()))
    button = host.frame.get_by_role("button", name="Submit")
    button.click()
    host.wait_for("ui-loading")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.dispatch_event("click")
    host.frame.locator("#text").press("Enter")
    host.settle()
    released.set()

    host.wait_for("form-submit")
    assert len(frame_pages.sent) == 1
    expect(button).to_have_attribute("aria-disabled", "false")


@pytest.mark.parametrize(
    "body, mimetype, more",
    [
        (
            '{"code": 409, "status": "Conflict", "message": "No."}',
            "application/json",
            "No.",
        ),
        ('{"message": "No."}', "application/json", "No."),
        ("<h1>Proxy</h1>", "text/html", None),
        ("[1]", "application/json", None),
        ("null", "application/json", None),
    ],
)
def test_an_error_has_code_and_status_whatever_the_answer_is(
    host, frame_pages, watch, body, mimetype, more
):
    watch.expected.append(REFUSED)
    frame_pages.fail(409, body, mimetype)
    host.embed(frame_pages.add_form(text=text_field()))
    submit(host)

    message = host.wait_for("form-error")
    assert message["status"] == 409
    assert message["error"]["code"] == 409
    assert message["error"]["status"].upper() == "CONFLICT"
    assert message["error"].get("message") == more
    summary = host.frame.locator(".qhana-error-summary")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Something went wrong")


def test_a_failed_connection_is_an_error(host, frame_pages, watch):
    watch.expected.append(REFUSED)
    url = frame_pages.add_form(text=text_field())
    host.embed(url)
    host.page.route("**/process/", lambda route: route.abort("connectionrefused"))
    submit(host)

    message = host.wait_for("form-error")
    assert message["status"] == message["error"]["code"] == 500
    assert message["error"]["status"]
    host.page.unroute("**/process/")
    submit(host)
    host.wait_for("form-submit")
    expect(host.frame.locator(".qhana-error-summary")).to_have_count(0)


def test_an_answer_that_does_not_come_is_an_error(host, frame_pages):
    released = threading.Event()
    frame_pages.answer = lambda: released.wait(30) and frame_pages.start_task()
    script = "window._qhana_microfrontend_state.submitTimeout = 100;"
    host.embed(frame_pages.add_form(script=script, text=text_field()))
    submit(host)

    message = host.wait_for("form-error")
    released.set()
    assert message["status"] == message["error"]["code"] == 504


def test_errors_are_shown_at_the_fields(host, frame_pages, watch):
    watch.expected.append(REFUSED)
    errors = {"form": {"list": {"1": ["Bad."]}, "second": ["Wrong."], "gone": ["Odd."]}}
    body = {"code": 422, "status": "Unprocessable Entity", "errors": errors}
    frame_pages.fail(422, json.dumps(body))
    host.embed(
        frame_pages.add_form(
            first=text_field(),
            second=text_field(description="The second."),
            list=ma.fields.List(ma.fields.String()),
        )
    )
    submit(host)
    second = host.frame.locator("#second")

    assert host.wait_for("form-error")["error"] == body
    expect(second).to_be_focused()
    expect(second).to_have_attribute("aria-invalid", "true")
    expect(second).to_have_accessible_description("Wrong. The second.")
    expect(host.frame.locator("#list-error")).to_have_text("2: Bad.")
    summary = host.frame.locator(".qhana-error-summary")
    expect(summary.locator("li")).to_have_text(
        ["gone: Odd.", "Second: Wrong.", "List: 2: Bad."]
    )
    expect(summary.locator("a").first).to_have_attribute("href", "#second")

    frame_pages.answer = frame_pages.start_task
    submit(host)
    host.wait_for("form-submit")
    expect(second).not_to_have_attribute("aria-invalid", "true")
    expect(second).to_have_accessible_description("The second.")
    expect(summary).to_have_count(0)


def test_what_the_script_says_is_german_on_a_german_page(
    new_page, host_url, frame_pages, watch
):
    watch.expected.append(REFUSED)
    page = new_page(locale="de-DE")
    host = FrameHost(page, host_url)
    page.route("**/process/", lambda route: route.abort("connectionrefused"))
    host.embed(frame_pages.add_form(text=text_field()))
    host.frame.locator(".qhana-form-submit[data-target=api]").click()

    assert host.wait_for("form-error")["error"]["message"] == (
        "Das Plugin ist nicht erreichbar."
    )


# -- handlers of the plugin -------------------------------------------------------------------

WRAPPED = """
    const state = window._qhana_microfrontend_state;
    const submit = state.formSubmitHandler, message = state.messageHandler;
    window.seen = [];
    state.formSubmitHandler = (event, dataInputs, privateInputs) => {
        window.seen.push([[...dataInputs], [...privateInputs]]);
        return submit(event, dataInputs, privateInputs);
    };
    state.messageHandler = (event) => { window.seen.push(event.data); return message(event); };
"""


def test_handlers_can_be_wrapped(host, frame_pages):
    host.embed(
        frame_pages.add_form(
            script=WRAPPED, data=FileUrl(), secret=text_field(input_type="password")
        )
    )
    host.tell("ui-allow-submit")
    host.settle()
    submit(host)
    host.wait_for("form-submit")

    seen = host.run("return window.seen")
    assert seen == ["ui-allow-submit", "ui-submit-status", [["data"], ["secret"]]]


def test_handlers_can_be_replaced_at_any_time(host, frame_pages):
    host.embed(frame_pages.add_form(text=text_field()))
    host.run("""Object.assign(window._qhana_microfrontend_state, {
            formSubmitHandler: (event) => {
                event.preventDefault();
                sendMessage({type: "form-submit", by: "plugin"});
                return true;
            },
            messageHandler: ({data}) => data === "ui-prevent-submit",
        });""")
    host.tell("ui-prevent-submit")
    host.settle()
    submit(host)

    assert host.records("ui-submit-status")[-1]["isAllowedToSubmit"] is True
    assert host.wait_for("form-submit") == {"type": "form-submit", "by": "plugin"}
    assert frame_pages.sent == []


def test_a_handler_may_send_the_form_itself(host, frame_pages):
    script = "window._qhana_microfrontend_state.formSubmitHandler = onFormSubmit;"
    host.embed(frame_pages.add_form(script=script, text=text_field()))
    submit(host)
    host.wait_for("form-submit")
    host.settle()

    assert len(frame_pages.sent) == 1


def test_a_handler_that_fails_costs_neither_the_page_nor_the_answers(
    host, frame_pages, watch
):
    watch.expected += ["no message", "no submit"]
    script = """
        const state = window._qhana_microfrontend_state;
        state.messageHandler = () => { throw new Error("no message"); };
        state.formSubmitHandler = () => { throw new Error("no submit"); };
    """
    host.embed(frame_pages.add_form(script=script, text=text_field()))
    submit(host)
    host.settle()

    assert host.frame.locator("#text").count() == 1
    assert frame_pages.sent == []
    assert "ui-loading" not in host.types()


def test_a_script_of_the_plugin_may_prevent_a_submit(host, frame_pages):
    script = """
        const form = document.querySelector("form");
        form.addEventListener("submit", (event) => event.preventDefault(), true);
    """
    host.embed(frame_pages.add_form(script=script, text=text_field()))
    submit(host)
    host.settle()

    assert frame_pages.sent == []
    assert not {"ui-loading", "form-submit"} & set(host.types())


def test_forms_that_are_added_later_work_and_the_others_are_sent_once(host, frame_pages):
    host.embed(frame_pages.add_form(text=text_field()))
    host.run("""
        const form = document.querySelector("form");
        const copy = form.cloneNode(true);
        form.querySelector("button[data-target=api]").textContent = "First";
        copy.querySelector("button[data-target=api]").textContent = "Second";
        copy.querySelector(".qhana-form-status").remove();
        form.after(copy);
        instrumentForm(true);
        instrumentForm(true);
    """)
    assert host.frame.locator(".qhana-form-status").count() == 2
    for number, name in enumerate(("First", "Second"), start=1):
        host.frame.get_by_role("button", name=name).click()
        host.wait_for("form-submit", number)
        host.settle()
        assert len(frame_pages.sent) == number


def test_a_form_is_filled_and_sent_with_the_keyboard_alone(host, frame_pages):
    host.embed(frame_pages.add_form(text=text_field(), data=FileUrl()))
    keyboard = host.page.keyboard
    host.frame.locator("#text").focus()
    keyboard.type("typed")
    keyboard.press("Tab")
    expect(host.frame.locator("#data")).to_be_focused()
    keyboard.type("http://localhost/1")
    keyboard.press("Tab")
    keyboard.press("Space")
    assert host.wait_for("request-data-url")["inputKey"] == "data"
    keyboard.press("Tab")
    keyboard.press("Enter")
    assert host.wait_for("request-data-preview")["dataUrl"] == "http://localhost/1"
    keyboard.press("Tab")
    expect(host.frame.get_by_role("button", name="Validate")).to_be_focused()
    keyboard.press("Tab")
    expect(host.frame.get_by_role("button", name="Submit")).to_be_focused()
    keyboard.press("Enter")
    host.wait_for("form-submit")
    (sent,) = frame_pages.sent
    assert sent["texts"] == {"text": ["typed"], "data": ["http://localhost/1"]}


def test_the_enter_key_checks_a_form(host, frame_pages):
    host.embed(frame_pages.add_form(number=ma.fields.Integer()))
    host.frame.locator("#number").press("Enter")

    host.wait_for("ui-loaded", 2)
    assert frame_pages.sent == []


def test_a_key_that_is_held_down_submits_once(host, frame_pages):
    host.embed(frame_pages.add_form(text=text_field()))
    host.frame.get_by_role("button", name="Submit").focus()
    host.page.keyboard.down("Enter")
    host.wait_for("form-submit")
    for _ in range(5):
        host.page.keyboard.down("Enter")  # repeated by the keyboard
    host.page.keyboard.up("Enter")
    host.settle()

    assert len(frame_pages.sent) == 1
