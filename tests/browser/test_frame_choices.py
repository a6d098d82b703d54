"""Files, plugins and values that a host offers to a form in its frame."""

import marshmallow as ma
import pytest
from playwright.sync_api import expect

from qhana_plugin_runner.api.util import FileUrl, PluginUrl

URL = "http://localhost/data"


@pytest.fixture
def chooser(host, frame_pages):
    """A form with files and plugins to choose."""
    related = {"related_to": "data", "relation": "pre", "related_include_self": True}
    host.embed(
        frame_pages.add_form(
            data=FileUrl(
                data_input_type="entity/list", data_content_types=["a/b", "c/d"]
            ),
            any_data=FileUrl(metadata=related),
            plugin=PluginUrl(plugin_tags=["x", "!y"], plugin_name="n"),
        )
    )
    host.wait_for("autofill-request")
    return host


def button(host, kind, key):
    return host.frame.locator(f".qhana-{kind}-button[data-input-id={key}]")


def test_buttons_ask_the_host(chooser):
    button(chooser, "choose-file", "data").click()
    assert chooser.wait_for("request-data-url") == {
        "type": "request-data-url",
        "inputKey": "data",
        "acceptedInputType": "entity/list",
        "acceptedContentTypes": ["a/b", "c/d"],
    }
    button(chooser, "choose-file", "any_data").first.click()
    message = chooser.wait_for("request-data-url", 2)
    assert message["acceptedInputType"] == "*"
    assert message["acceptedContentTypes"] == ["*"]
    button(chooser, "choose-plugin", "plugin").click()
    assert chooser.wait_for("request-plugin-url") == {
        "type": "request-plugin-url",
        "inputKey": "plugin",
        "pluginTags": ["x", "!y"],
        "pluginName": "n",
    }


def test_what_a_file_is_called_does_not_move_a_button_that_is_pressed(chooser):
    name = chooser.frame.locator(".selected-file-name[data-input-id=data]")
    submit = chooser.frame.get_by_role("button", name="submit")
    chooser.frame.locator("#data").fill(URL)
    submit.hover()
    before = submit.bounding_box()
    chooser.page.mouse.down()
    chooser.wait_for("request-data-url-info")
    answer = {"type": "data-url-response", "inputKey": "data", "href": URL}
    chooser.tell({**answer, "filename": "a.csv"})
    expect(name).to_have_text("a.csv")
    assert submit.bounding_box() == before
    chooser.page.mouse.up()
    chooser.wait_for("form-submit")
    expect(name).to_be_visible()


@pytest.mark.parametrize("button", ["left", "right"])
def test_what_a_file_is_called_is_shown_after_a_press_that_has_no_end(chooser, button):
    chooser.frame.get_by_role("button", name="submit").hover()
    chooser.page.mouse.down(button=button)
    if button == "left":
        chooser.frame.locator("body").evaluate(
            "() => window.dispatchEvent(new Event('blur'))"
        )
    answer = {"type": "data-url-response", "inputKey": "data", "href": URL}
    chooser.tell({**answer, "filename": "a.csv"})
    expect(
        chooser.frame.locator(".selected-file-name[data-input-id=data]")
    ).to_be_visible()


def test_related_files_and_previews_need_a_value(chooser):
    related = chooser.frame.locator(".related")
    preview = button(chooser, "show-preview", "data")
    expect(related).to_be_disabled()
    expect(preview).to_be_disabled()
    chooser.frame.locator("#data").fill(URL)
    related.click()
    preview.click()

    assert chooser.wait_for("request-data-preview") == {
        "type": "request-data-preview",
        "dataUrl": URL,
    }
    assert chooser.records("request-related-data-url") == [
        {
            "type": "request-related-data-url",
            "inputKey": "any_data",
            "dataUrl": URL,
            "relation": "pre",
            "includeSelf": True,
            "acceptedInputType": "*",
            "acceptedContentType": "*",
            "userInteraction": True,
        }
    ]
    chooser.frame.locator("#data").fill("")
    expect(related).to_be_disabled()
    expect(preview).to_be_disabled()


@pytest.mark.parametrize(
    "key, kind, answer, name",
    [
        ("data", "file", {"href": URL, "filename": "a.csv", "version": "2"}, "a.csv (2)"),
        ("data", "file", {"href": URL}, URL),
        ("plugin", "plugin", {"pluginUrl": URL, "pluginName": "p"}, "p"),
    ],
)
def test_a_choice_of_the_host_is_taken(chooser, key, kind, answer, name):
    chooser.run("""window.events = [];
        for (const type of ["input", "change"]) {
            document.addEventListener(type, ({target}) => window.events.push([type, target.id]));
        }""")
    type_ = "data-url-response" if kind == "file" else "plugin-url-response"
    chooser.tell({"type": type_, "inputKey": key, **answer})
    chooser.settle()

    expect(chooser.frame.locator(f"#{key}")).to_have_value(URL)
    assert chooser.run("return window.events") == [["input", key], ["change", key]]
    shown = chooser.frame.locator(f".selected-{kind}-name[data-input-id={key}]")
    expect(shown).to_be_visible()
    expect(shown).to_have_text(name)
    # It is known already what was chosen.
    assert f"request-{'data' if kind == 'file' else 'plugin'}-url-info" not in (
        chooser.types()
    )


def test_what_the_user_has_chosen_is_said(chooser):
    chooser.frame.locator(".qhana-choose-file-button").first.click()
    chooser.wait_for("request-data-url")
    answer = {"type": "data-url-response", "inputKey": "data", "href": URL}
    chooser.tell({**answer, "filename": "a.csv"})
    expect(chooser.frame.get_by_role("status")).to_contain_text("a.csv")


def test_an_answer_about_an_old_value_is_ignored(host, frame_pages):
    host.embed(f"{frame_pages.add_form(data=FileUrl())}?data={URL}")
    host.wait_for("request-data-url-info")
    host.frame.locator("#data").fill("http://localhost/new")
    host.tell({"type": "data-url-response", "inputKey": "data", "href": URL})
    host.settle()

    expect(host.frame.locator("#data")).to_have_value("http://localhost/new")


@pytest.mark.parametrize(
    "message",
    [
        {"value": "text=a&number=2&other=b&list=x&list=y&secret=***"},
        {
            "value": '{"text": "a", "number": 2, "other": "b", "list": ["x", "y"]}',
            "encoding": "application/json",
        },
    ],
)
def test_values_of_the_host_fill_the_form_but_not_what_was_typed(
    host, frame_pages, message
):
    host.embed(
        frame_pages.add_form(
            text=ma.fields.String(),
            number=ma.fields.Integer(),
            other=ma.fields.String(),
            list=ma.fields.List(ma.fields.String()),
            secret=ma.fields.String(metadata={"input_type": "password"}),
        )
    )
    host.frame.locator("#other").press_sequentially("mine")
    encoding = "application/x-www-form-urlencoded"
    host.tell({"type": "autofill-response", "encoding": encoding, **message})
    host.settle()

    values = host.run(
        "return [...document.querySelectorAll('.qhana-form-input')].map((i) => i.value)"
    )
    assert values == ["a", "2", "mine", "x", "y", ""]


def test_stylesheets_of_the_host_are_added_once(host, frame_pages):
    good = [f"{host.url}/host.css", "/static/forms.css?host"]
    css = {"type": "load-css", "urls": [*good, *good, "javascript:1", "data:text/css,a"]}
    context = {"type": "plugin-context", "experimentId": 7, "location": "workspace"}
    host.embed(frame_pages.add_form(), answers={"ui-loaded": [css, context]})
    host.settle()

    hrefs = host.run(
        "return [...document.querySelectorAll('link[rel=stylesheet]')].map((l) => l.href)"
    )
    assert hrefs[1:] == [good[0], frame_pages.url + good[1]]
    expect(host.frame.locator("body")).to_have_css("color", "rgb(1, 2, 3)")
    assert host.run("return getPluginContext()") == {
        "experimentId": 7,
        "location": "workspace",
    }


def test_a_page_as_high_as_its_window_does_not_grow_for_ever(host, frame_pages):
    style = "<style>body { min-height: 100vh }</style><div id=box></div>"
    host.embed(frame_pages.add_old(style), follows=True)
    settle_height(host)
    highest = host.records("ui-resize")[-1]["height"]
    assert len(host.records("ui-resize")) < 10
    host.run("document.getElementById('box').style.height = '5000px'")
    host.page.wait_for_function(
        f"records.some(({{data}}) => data.height >= 5000 && data.height < {highest + 5000})"
    )
    settle_height(host)
    assert len(host.records("ui-resize")) < 20


def settle_height(host):
    """Wait until the micro frontend has nothing more to say of its height."""
    (frame,) = host.page.main_frame.child_frames
    frame.wait_for_function("_qhana_microfrontend_state.heightUnchangedCount >= 10")


def test_the_height_is_not_looked_at_for_ever(host, frame_pages):
    host.page.clock.install()
    host.embed(frame_pages.add_old("<p>x</p>"))
    settle_height(host)
    looks = "return _qhana_microfrontend_state.heightUnchangedCount"
    before = host.run(looks)
    host.page.clock.run_for(60_000)
    assert host.run(looks) == before


def test_lines_that_come_quickly_are_all_seen(host, frame_pages):
    host.embed(frame_pages.add_old("<div id=log></div>"), follows=True)
    host.run("""
        let lines = 0;
        const add = () => {
            document.getElementById("log").style.height = `${20 * ++lines}px`;
            if (lines < 60) requestAnimationFrame(add);
        };
        add();
    """)
    host.page.wait_for_function("records.some(({data}) => data.height >= 60 * 20)")


def test_the_height_that_a_plugin_wants_is_told_with_that_of_its_content(
    host, frame_pages
):
    host.embed(frame_pages.add_old("<p id=text>x</p>"))
    assert "targetHeight" not in host.records("ui-resize")[0]
    host.run("""
        window._qhana_microfrontend_state.targetHeight = "full";
        document.getElementById("text").style.height = "300px";
    """)
    assert host.wait_for("ui-resize", 2)["targetHeight"] == "full"


def test_the_width_is_that_of_the_content(host, frame_pages):
    box = "<div class=qhana-microfrontend style='width: 300px; padding: 0 20px'></div>"
    host.embed(frame_pages.add_old(box))
    assert host.run("return getMicrofrontendWidth()") == 300


def test_the_height_follows_the_content_and_settles(host, frame_pages):
    host.embed(
        frame_pages.add_old("<div id=box style='height: 300px'></div>"), follows=True
    )
    first = host.records("ui-resize")[0]["height"]
    host.run("document.getElementById('box').style.height = '700px'")
    assert host.wait_for("ui-resize", 2)["height"] == first + 400
    host.run("document.getElementById('box').style.height = '100px'")
    assert host.wait_for("ui-resize", 3)["height"] == first - 200


@pytest.mark.parametrize("doctype", ["", "<!doctype html>"])
def test_the_height_follows_content_in_a_page_that_a_style_makes_as_high_as_its_window(
    host, frame_pages, doctype
):
    style = "<style>html, body { height: 100% }</style>"
    page = frame_pages.add_old(f"{style}<div id=box></div>", doctype)
    host.embed(page, follows=True)
    settle_height(host)
    host.run("document.getElementById('box').style.height = '5000px'")
    host.page.wait_for_function("records.some(({data}) => data.height >= 5000)")
