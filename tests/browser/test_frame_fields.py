"""Each kind of field: filled by a person, and what the plugin and the host get of it."""

from enum import Enum
from urllib.parse import parse_qsl

import marshmallow as ma
import pytest
from helpers.chromium import barriers, paste
from helpers.forms import schema_of
from helpers.frame_host import FrameHost
from playwright.sync_api import expect
from werkzeug.datastructures import MultiDict

from qhana_plugin_runner.api import EnumField
from qhana_plugin_runner.api.util import FileUrl, PluginUrl


class Colour(Enum):
    """A choice of few."""

    RED = "red"
    BLUE = "blue"


def field(make=ma.fields.String, *arguments, label="Value", **metadata):
    return make(*arguments, metadata={"label": label, **metadata})


def fill(text):
    return lambda control: control.fill(text)


def choose(*values):
    return lambda control: control.select_option(list(values))


KINDS = {
    "String": (field(), "text", fill("ä"), ["ä"]),
    "Raw": (field(ma.fields.Raw), "textarea", fill("a\nb"), ["a\r\nb"]),
    "textarea": (field(input_type="textarea"), "textarea", fill("x"), ["x"]),
    "password": (field(input_type="password"), "password", fill("geheim"), ["geheim"]),
    "datalist": (
        field(input_type="text_with_datalist", datalist=["one", "two"]),
        "text",
        fill("two"),
        ["two"],
    ),
    "Email": (field(ma.fields.Email), "email", fill("a@b.cd"), ["a@b.cd"]),
    "Url": (field(ma.fields.Url), "url", fill("http://a.bc/"), ["http://a.bc/"]),
    "Integer": (field(ma.fields.Integer), "number", fill("7"), ["7"]),
    "Float": (field(ma.fields.Float), "number", fill("0.5"), ["0.5"]),
    "Decimal": (field(ma.fields.Decimal), "number", fill("0.25"), ["0.25"]),
    "Date": (field(ma.fields.Date), "date", fill("2026-11-23"), ["2026-11-23"]),
    "Time": (field(ma.fields.Time), "time", fill("09:30"), ["09:30"]),
    "NaiveDateTime": (
        field(ma.fields.NaiveDateTime),
        "datetime-local",
        fill("2026-11-23T09:30"),
        ["2026-11-23T09:30"],
    ),
    "Enum": (field(ma.fields.Enum, Colour), "select", choose("BLUE"), ["BLUE"]),
    "options": (
        field(input_type="select", options=["a", "b"]),
        "select",
        choose("b"),
        ["b"],
    ),
    "List of choices": (
        field(ma.fields.List, ma.fields.Enum(Colour)),
        "select",
        choose("RED", "BLUE"),
        ["RED", "BLUE"],
    ),
    "Boolean": (
        field(ma.fields.Boolean),
        "checkbox",
        lambda control: control.check(),
        None,
    ),
}


def kind_of(control):
    return control.evaluate(
        "input => input.matches('select, textarea') ? input.localName : input.type"
    )


@pytest.mark.parametrize("name", KINDS)
def test_a_field_is_shown_filled_and_sent(host, frame_pages, name):
    made, kind, act, sent = KINDS[name]
    host.embed(frame_pages.add_form(some_value=made))
    control = host.frame.get_by_label("Value")
    assert kind_of(control) == kind
    assert control.get_attribute("id") == "some_value"
    assert control.get_attribute("name") == "someValue"
    act(control)
    host.frame.get_by_role("button", name="Submit").click()
    message = host.wait_for("form-submit")

    got = frame_pages.sent[-1]["texts"]["someValue"]
    if sent is not None:
        assert got == sent
    told = [value for key, value in parse_qsl(message["formData"]) if key == "someValue"]
    got = [value.replace("\r\n", "\n") for value in got]  # as forms end lines
    assert told == (["***"] if kind == "password" else got)


EMPTY_OR_OFF = {
    "unticked": (ma.fields.Boolean(load_default=True), False),
    "never_ticked": (ma.fields.Boolean(required=True), False),
    "ticked": (ma.fields.Boolean(), True),
    "first": (EnumField(Colour, required=True), Colour.RED),
    "preset": (EnumField(Colour, load_default=Colour.BLUE), Colour.BLUE),
    "none": (EnumField(Colour, required=True, metadata={"options": {"": "-"}}), None),
    "no_choices": (ma.fields.List(ma.fields.Enum(Colour), required=True), []),
    "no_texts": (ma.fields.List(ma.fields.String()), []),
    "no_numbers": (ma.fields.List(ma.fields.Integer(), load_default=[1, 2]), []),
    "number": (ma.fields.Float(load_default=None), None),
    "day": (ma.fields.Date(allow_none=True), None),
    "moment": (ma.fields.NaiveDateTime(allow_none=True), None),
    "link": (FileUrl(), None),
    "text": (ma.fields.String(), ""),
}


@pytest.mark.parametrize("way", ["frame", "page", "page without scripts"])
def test_a_view_loads_what_a_form_shows_also_when_it_was_checked_or_filled_before(
    new_page, host_url, frame_pages, way
):
    fields = {name: made for name, (made, _loaded) in EMPTY_OR_OFF.items()}
    url = frame_pages.add_form(**fields)
    page = new_page(java_script_enabled=way != "page without scripts")
    host = FrameHost(page, host_url) if way == "frame" else None
    form = host.frame if host else page

    def is_sent_as_shown():
        expect(form.get_by_label("Unticked")).not_to_be_checked()
        expect(form.get_by_label("Ticked", exact=True)).to_be_checked()
        form.get_by_role("button", name="Submit").click()
        if host:
            message = host.wait_for("form-submit")
        else:
            message = page.wait_for_url(f"{frame_pages.url}/task/")
        sent = frame_pages.sent.pop()["texts"]
        data = MultiDict((key, each) for key, texts in sent.items() for each in texts)
        loaded = {name: loaded for name, (_made, loaded) in EMPTY_OR_OFF.items()}
        assert schema_of(**fields).load(data) == loaded
        # Readers of one value take the first; hosts are told no more than that.
        assert (sent["ticked"][0], sent["unticked"]) == ("true", ["false"])
        assert len(sent["ticked"]) == (1 if host else 2)
        return message

    host.embed(url) if host else page.goto(url)
    form.get_by_label("Unticked").uncheck()
    form.get_by_label("Ticked", exact=True).check()
    for number in form.get_by_label("No numbers").all():
        number.fill("")
    form.get_by_role("button", name="Validate").click()
    expect(form.locator("#no_numbers")).to_have_value("")
    expect(form.locator("[aria-invalid]")).to_have_count(0)
    if host:
        host.wait_for("ui-loaded", 2)
    message = is_sent_as_shown()
    if host:
        answer = {
            "type": "autofill-response",
            "value": message["formData"],
            "encoding": message["formDataType"],
        }
        host.clear()
        host.embed(url, answers={"autofill-request": [answer]})
        host.wait_for("autofill-request")
        expect(form.locator("#no_numbers")).to_have_value("")
        is_sent_as_shown()


def test_a_hidden_field_is_sent_and_not_shown(host, frame_pages):
    made = ma.fields.String(metadata={"input_type": "hidden"})
    host.embed(f"{frame_pages.add_form(some_value=made)}?someValue=x")
    expect(host.frame.locator("#some_value")).to_be_hidden()
    host.frame.get_by_role("button", name="Submit").click()
    host.wait_for("form-submit")
    assert frame_pages.sent[-1]["texts"]["someValue"] == ["x"]


def test_a_list_takes_as_many_values_as_somebody_adds(host, frame_pages):
    host.embed(
        frame_pages.add_form(some_value=field(ma.fields.List, ma.fields.Integer()))
    )
    host.frame.locator("#some_value").fill("1")
    host.frame.get_by_role("button", name="Add a value").click()
    host.page.keyboard.type("2")
    host.frame.get_by_role("button", name="Submit").click()
    host.wait_for("form-submit")
    assert frame_pages.sent[-1]["texts"]["someValue"] == ["1", "2"]


def test_lines_that_are_pasted_into_a_list_are_values(host, frame_pages):
    host.embed(frame_pages.add_form(some_value=field(ma.fields.List, ma.fields.String())))
    first = host.frame.locator("#some_value")
    paste(first, "a single line is left to the browser")
    paste(first, "a b\r\n\r\n c\nd\n")
    host.frame.get_by_role("button", name="Submit").click()
    host.wait_for("form-submit")
    assert frame_pages.sent[-1]["texts"]["someValue"] == ["a b", "c", "d"]


@pytest.mark.parametrize(
    "made, entered, sent",
    [
        (ma.fields.String(), ["", "x"], ["", "x"]),
        (ma.fields.String(), ["", ""], [""]),
        (ma.fields.Integer(), ["", "1"], ["1"]),
    ],
)
def test_an_empty_input_of_a_list_is_sent_where_it_may_be_an_element(
    host, frame_pages, made, entered, sent
):
    host.embed(frame_pages.add_form(some_value=field(ma.fields.List, made)))
    host.frame.get_by_role("button", name="Add a value").click()
    for control, text in zip(host.frame.locator("[name=someValue]").all(), entered):
        control.fill(text)
    host.frame.get_by_role("button", name="Submit").click()
    host.wait_for("form-submit")
    assert frame_pages.sent[-1]["texts"]["someValue"] == sent


def test_a_form_of_all_kinds_has_no_barriers(host, frame_pages):
    fields = {name.replace(" ", ""): kind[0] for name, kind in KINDS.items()}
    url = frame_pages.add_form(**fields, data=FileUrl(), plugin=PluginUrl())
    host.embed(url)
    assert violations(host) == []
    host.embed(f"{url}?Integer=seven&Date=never")
    expect(host.frame.locator("[aria-invalid=true]").nth(1)).to_be_attached()
    assert violations(host) == []
    host.run("document.querySelectorAll('label').forEach((label) => label.remove())")
    assert "label" in {name for name, *_where in violations(host)}


def violations(host):
    """Return what hinders people with disabilities in the micro frontend."""
    (frame,) = host.page.main_frame.child_frames
    return [
        (each["id"], node["target"], node["html"])
        for each in barriers(frame)
        for node in each["nodes"]
    ]
