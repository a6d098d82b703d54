"""What the macros write for each kind of field."""

import copy
import datetime
import decimal
import enum
import gc

import marshmallow as ma
import pytest
from flask_smorest.fields import Upload
from helpers.forms import HOSTILE, schema_of
from werkzeug.datastructures import MultiDict

from qhana_plugin_runner.api import EnumField
from qhana_plugin_runner.api.extra_fields import CSVList
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, SecretField
from qhana_plugin_runner.forms.description import FormField, describe_form


class Color(enum.Enum):
    red = "warm"
    blue = "cold"


class Level(str, enum.Enum):
    low = "l"
    high = "h"


@pytest.mark.parametrize(
    "field, value, expected",
    [
        (ma.fields.String(), "text", "text"),
        (ma.fields.String(), HOSTILE, HOSTILE),
        (ma.fields.String(), None, ""),
        (ma.fields.Integer(), "not a number", "not a number"),
        (ma.fields.Integer(), 5, "5"),
        (ma.fields.Integer(), 0, "0"),
        (ma.fields.Float(), 0.25, "0.25"),
        (ma.fields.Decimal(), decimal.Decimal("1.50"), "1.50"),
        (ma.fields.Date(), datetime.date(2030, 1, 2), "2030-01-02"),
        (ma.fields.Time(), datetime.time(3, 4), "03:04:00"),
        (
            ma.fields.NaiveDateTime(),
            datetime.datetime(2030, 1, 2, 3, 4),
            "2030-01-02T03:04:00",
        ),
        (
            ma.fields.DateTime(),
            datetime.datetime(2030, 1, 2, 3, 4, 5, 60_000),
            "2030-01-02T03:04:05.060",
        ),
        (ma.fields.TimeDelta(precision="minutes"), datetime.timedelta(hours=1), "60.0"),
        (ma.fields.String(), Color.red, "red"),
        (CSVList(ma.fields.Integer()), [1, 2, 3], "1,2,3"),
        (CSVList(ma.fields.Integer()), "1,2", "1,2"),
        (FileUrl(), "data:text/plain,a", "data:text/plain,a"),
        (ma.fields.String(metadata={"input_type": "password"}), "secret", "secret"),
        (ma.fields.Integer(metadata={"input_type": "hidden"}), 7, "7"),
    ],
)
def test_inputs_hold_values_as_sent_or_as_loaded(render_input, field, value, expected):
    shown = render_input(field, value)

    assert shown.tag == "input"
    assert shown["id"] == "the_field"
    assert shown["name"] == "theField"
    assert shown["value"] == expected


@pytest.mark.parametrize(
    "text", ["a\nb", "\nstarts with a line break", "</textarea>" + HOSTILE]
)
def test_a_textarea_holds_its_text_exactly(render_input, text):
    shown = render_input(ma.fields.Raw(), text)

    assert shown.tag == "textarea"
    # HTML drops the first line break after the tag.
    assert shown.text == "\n" + text


def test_a_textarea_shows_structures_as_json(render_input):
    value = {"a": [1, None, float("nan")]}
    assert render_input(ma.fields.Dict(), value).text == '\n{"a": [1, null, null]}'


@pytest.mark.parametrize(
    "value, checked",
    [
        (True, True),
        ("true", True),
        ("on", True),
        ("1", True),
        (False, False),
        ("false", False),
        ("0", False),
        (None, False),
    ],
)
def test_a_checkbox_is_checked_for_true_values_and_sends_true(
    render_input, value, checked
):
    shown = render_input(ma.fields.Boolean(), value)

    assert shown["type"] == "checkbox"
    assert shown["value"] == "true"
    assert ("checked" in shown) is checked


@pytest.mark.parametrize(
    "field, unsent",
    [
        (ma.fields.Boolean(), "false"),
        (ma.fields.Boolean(required=True), "false"),
        (ma.fields.Boolean(truthy={"yes", "y"}, falsy={"no", "n", 0}), "n"),
        (ma.fields.List(ma.fields.Boolean()), None),
        (ma.fields.List(EnumField(Color)), ""),
        (ma.fields.String(metadata={"input_type": "checkbox"}), None),
        (ma.fields.String(), None),
        (EnumField(Color), None),
    ],
)
def test_what_browsers_do_not_send_is_sent_after_the_control(
    render_fields, field, unsent
):
    control, *others = render_fields(schema_of(the_field=field)).all(name="theField")

    assert control["id"] == "the_field"
    assert "required" not in control
    assert [(each["type"], each["value"]) for each in others] == (
        [] if unsent is None else [("hidden", unsent)]
    )


@pytest.mark.parametrize(
    "field, sent",
    [
        (ma.fields.Boolean(truthy={"yes", "on"}, falsy={"no"}), "on"),
        (ma.fields.Boolean(truthy={"1", "true"}), "true"),
        (ma.fields.List(ma.fields.Boolean(truthy={"yes"})), "yes"),
    ],
)
def test_a_box_sends_what_its_field_takes(render_input, field, sent):
    shown = render_input(field, sent)

    assert shown["value"] == sent and "checked" in shown


@pytest.mark.parametrize(
    "value, checked", [("on", True), ("no", True), ("", False), (None, False)]
)
def test_the_box_of_a_text_sends_on_and_is_ticked_for_any_text(
    render_input, value, checked
):
    field = ma.fields.String(required=True, metadata={"input_type": "checkbox"})
    shown = render_input(field, value)

    assert "value" not in shown and "required" in shown
    assert ("checked" in shown) is checked


@pytest.mark.parametrize(
    "field, value, tag, input_type, shown_value",
    [
        (
            ma.fields.NaiveDateTime(),
            "2030-01-02 03:04",
            "input",
            "datetime-local",
            "2030-01-02T03:04:00",
        ),
        (
            ma.fields.DateTime(),
            "2030-01-02T03:04:05Z",
            "input",
            "text",
            "2030-01-02T03:04:05Z",
        ),
        (ma.fields.DateTime(), "tomorrow", "input", "text", "tomorrow"),
        (
            ma.fields.DateTime(),
            datetime.datetime(2030, 1, 2, 3, tzinfo=datetime.UTC),
            "input",
            "text",
            "2030-01-02T03:00:00+00:00",
        ),
        (
            ma.fields.AwareDateTime(default_timezone=datetime.UTC),
            "2030-01-02T03:04:05+02:00",
            "input",
            "datetime-local",
            "2030-01-02T01:04:05",
        ),
        (
            ma.fields.NaiveDateTime(),
            "2030-01-02T03:04:05.123456",
            "input",
            "text",
            "2030-01-02T03:04:05.123456",
        ),
        (
            ma.fields.AwareDateTime(default_timezone=datetime.UTC),
            "0001-01-01T00:00:00+14:00",
            "input",
            "text",
            "0001-01-01T00:00:00+14:00",
        ),
        (
            ma.fields.DateTime(format="%Y-%m-%d"),
            datetime.datetime(2030, 1, 2),
            "input",
            "date",
            "2030-01-02",
        ),
        (ma.fields.Date(), "2030-01-02T03:04", "input", "text", "2030-01-02T03:04"),
        (ma.fields.Date(), "20300102", "input", "date", "2030-01-02"),
        (ma.fields.Date(), "2.1.2030", "input", "text", "2.1.2030"),
        (ma.fields.Time(), "03:04", "input", "time", "03:04:00"),
        (ma.fields.Time(), "3 pm", "input", "text", "3 pm"),
        (ma.fields.Integer(), " +5 ", "input", "number", "5"),
        (
            ma.fields.Integer(validate=ma.validate.Range(min=1)),
            "five",
            "input",
            "text",
            "five",
        ),
        (ma.fields.Float(), "NaN", "input", "text", "NaN"),
        (ma.fields.Float(), "-.5e-7", "input", "number", "-.5e-7"),
        (ma.fields.List(ma.fields.Integer()), ["x"], "input", "text", "x"),
        (
            ma.fields.String(metadata={"input_type": "color"}),
            "red",
            "input",
            "text",
            "red",
        ),
        (
            ma.fields.String(metadata={"input_type": "week"}),
            "2030-W05",
            "input",
            "week",
            "2030-W05",
        ),
        (ma.fields.String(), "two\nlines", "textarea", None, "two\nlines"),
    ],
)
def test_a_value_that_an_input_cannot_show_is_converted_or_shown_as_text(
    render_input, field, value, tag, input_type, shown_value
):
    shown = render_input(field, value)

    assert (shown.tag, shown.get("type")) == (tag, input_type)
    found = shown["value"] if tag == "input" else shown.text.removeprefix("\n")
    assert found == shown_value
    assert input_type != "text" or not {"min", "max", "step"} & set(shown.attributes)


def test_a_default_is_shown_where_a_value_is_absent(render_input):
    assert render_input(ma.fields.Integer(load_default=5))["value"] == "5"
    assert render_input(ma.fields.Integer(load_default=5), "")["value"] == ""
    assert "checked" in render_input(ma.fields.Boolean(load_default=True))
    options = render_input(EnumField(Color, load_default=Color.blue)).all("option")
    assert [each["value"] for each in options if "selected" in each] == ["blue"]
    assert render_input(ma.fields.Raw(load_default=dict)).text == "\n"


@pytest.mark.parametrize(
    "values, checked",
    [
        (MultiDict([("flag", "true"), ("flag", "false")]), True),
        (MultiDict([("flag", "false")]), False),
        ({"flag": "false"}, False),
        ({"text": "a"}, True),  # an address with this query loads the default
    ],
)
def test_a_checkbox_shows_what_was_sent_or_what_is_loaded(render_fields, values, checked):
    schema = schema_of(flag=ma.fields.Boolean(load_default=True), text=ma.fields.String())
    shown = render_fields(schema, values=values).one("input", type="checkbox")

    assert ("checked" in shown) is checked
    assert schema.load(values)["flag"] is checked


def test_the_box_of_a_text_that_was_left_unchecked_stays_unchecked(render_fields):
    flag = ma.fields.String(load_default="on", metadata={"input_type": "checkbox"})
    schema = schema_of(flag=flag, text=ma.fields.String())

    assert "checked" in render_fields(schema).one("input", type="checkbox")
    sent = render_fields(schema, values={"text": "a"})
    assert "checked" not in sent.one("input", type="checkbox")


@pytest.mark.parametrize(
    "field, value, chosen",
    [
        (EnumField(Color), Color.red, ["red"]),
        (EnumField(Color), "red", ["red"]),
        (EnumField(Color), "unknown", []),
        (EnumField(Color), None, ["red"]),
        (EnumField(Color, metadata={"options": {"": "-"}}), None, [""]),
        (ma.fields.Enum(Color, required=True), None, ["red"]),
        (ma.fields.Enum(Color, allow_none=True), None, [""]),
        (EnumField(Color, use_value=True), "warm", ["red"]),
        (EnumField(Color, use_value=True), Color.blue, ["blue"]),
        (EnumField(Level), Level.high, ["high"]),
        (ma.fields.Enum(Color), Color.blue, ["blue"]),
        (ma.fields.Enum(Color, by_value=True), Color.blue, ["cold"]),
        (
            ma.fields.String(
                metadata={"input_type": "select", "options": {"a": "A", "b": "B"}}
            ),
            "b",
            ["b"],
        ),
        (
            ma.fields.String(metadata={"input_type": "select", "options": ["a", "b"]}),
            "b",
            ["b"],
        ),
        (
            ma.fields.String(metadata={"input_type": "select", "options": {"cold": "C"}}),
            Color.blue,
            ["cold"],
        ),
        (
            ma.fields.Integer(
                metadata={"input_type": "select"}, validate=ma.validate.OneOf([1, 2])
            ),
            2,
            ["2"],
        ),
    ],
)
def test_a_select_marks_the_option_of_its_value(render_fields, field, value, chosen):
    form = render_fields(schema_of(the_field=field), values={"theField": value})
    select = form.one("select")
    options = select.all("option")
    found = [each["value"] for each in options if "selected" in each]

    # Browsers take the first option when none is marked.
    assert found == chosen or (
        value is None and found == [] and options[0]["value"] == chosen[0]
    )
    assert "multiple" not in select and "required" not in select


def test_the_options_of_an_enum_have_their_labels_and_a_given_empty_one_first(
    render_fields,
):
    field = EnumField(Color, metadata={"options": {"red": HOSTILE, "": "Choose"}})
    options = render_fields(schema_of(color=field)).all("option")

    assert [(each["value"], each.text) for each in options] == [
        ("", "Choose"),
        ("red", HOSTILE),
        ("blue", "cold"),
    ]


def test_each_rendering_marks_its_own_choice_whatever_the_texts_hold(render_fields):
    sly = 'b" selected>'
    metadata = {"options": {"a": sly, sly: "a"}, "label": sly, "description": sly}
    schema = schema_of(
        choice=ma.fields.String(metadata={**metadata, "input_type": "select"})
    )

    for value in ("a", sly, "a", "c"):
        options = render_fields(schema, values={"choice": value}).all("option")
        assert [(each["value"], each.text) for each in options] == [
            ("a", sly),
            (sly, "a"),
        ]
        chosen = [each["value"] for each in options if "selected" in each]
        assert chosen == [each for each in ("a", sly) if each == value]


def test_a_list_of_choices_is_a_select_for_several(render_fields):
    field = ma.fields.List(ma.fields.String(validate=ma.validate.OneOf(["a", "b", "c"])))

    for values in ({"names": ["a", "c"]}, MultiDict([("names", "a"), ("names", "c")])):
        select = render_fields(schema_of(names=field), values=values).one("select")

        assert "multiple" in select
        assert select["name"] == "names"
        chosen = [each["value"] for each in select.all("option") if "selected" in each]
        assert chosen == ["a", "c"]


def test_a_free_list_has_an_input_for_each_value(render_fields):
    schema = schema_of(
        names=ma.fields.List(ma.fields.Integer(), metadata={"label": "Numbers"})
    )

    empty = render_fields(schema).all("input", name="names")
    filled = render_fields(schema, values={"names": [1, 2]}).all("input", name="names")

    assert [each["value"] for each in empty] == [""]
    assert [each["value"] for each in filled] == ["1", "2"]
    assert [each.get("id") for each in filled] == ["names", None]
    assert filled[1]["aria-label"] == "Numbers 2"


def test_a_list_of_long_texts_has_a_textarea_for_each_value(render_fields):
    schema = schema_of(
        raw=ma.fields.List(ma.fields.Raw()),
        texts=ma.fields.List(ma.fields.String(), metadata={"input_type": "textarea"}),
    )
    values = MultiDict([("raw", "1"), ("raw", "2"), ("texts", "a"), ("texts", "b")])
    form = render_fields(schema, values=values)

    assert [each.text for each in form.all("textarea", name="raw")] == ["\n1", "\n2"]
    shown = form.all("textarea", name="texts")
    assert [each.text for each in shown] == ["\na", "\nb"]
    assert [each.get("id") for each in shown] == ["texts", None]
    assert shown[1]["aria-label"] == "Texts 2"


def test_the_values_of_a_multidict_are_used_like_those_of_a_dict(
    render_input, render_fields
):
    schema = schema_of(input_str=ma.fields.String())
    form = render_fields(schema, values=MultiDict([("inputStr", "a"), ("inputStr", "b")]))

    assert form.one("input")["value"] == "a"


def test_suggestions_are_listed_for_an_input(render_fields):
    field = ma.fields.String(
        metadata={"input_type": "text_with_datalist", "datalist": ["a", HOSTILE]}
    )
    form = render_fields(schema_of(back_end=field))
    shown = form.one("input")

    assert shown["type"] == "text"
    datalist = form.one("datalist", id=shown["list"])
    assert datalist["id"] == "back_end-datalist"
    assert [each["value"] for each in datalist.all("option")] == ["a", HOSTILE]


def test_attributes_of_a_file_are_suggested_once_it_is_chosen(render_fields):
    form = render_fields(
        schema_of(
            data=FileUrl(data_input_type="entity/list"),
            key=ma.fields.String(metadata={"attributes_of": "data"}),
            keys=ma.fields.List(ma.fields.String(), metadata={"attributes_of": "data"}),
            size=ma.fields.Integer(metadata={"attributes_of": "data"}),
        )
    )
    for name in ("key", "keys"):
        shown = form.one("input", name=name)
        assert shown["data-attributes-of"] == form.one("input", name="data")["id"]
        assert form.one("datalist", id=shown["list"]).all("option") == []
    assert "data-attributes-of" not in form.one("input", name="size")


def test_the_datalists_of_a_schema_are_for_inputs_without_one_of_their_own(render_fields):
    schema = schema_of(
        back_end=ma.fields.String(),
        size=ma.fields.Integer(),
        own=ma.fields.String(metadata={"datalist": ["c"]}),
    )
    schema.datalists = {"back_end": ["a", "b"], "size": [1, 2], "own": ["x"]}
    form = render_fields(schema)

    def listed(name):
        datalist = form.one("datalist", id=form.one("input", name=name)["list"])
        return [each["value"] for each in datalist.all("option")]

    assert (listed("backEnd"), listed("size"), listed("own")) == (
        ["a", "b"],
        ["1", "2"],
        ["c"],
    )


def test_a_password_is_private(render_input):
    shown = render_input(ma.fields.String(metadata={"input_type": "password"}))

    assert shown["type"] == "password"
    assert "data-private" in shown


@pytest.mark.parametrize("input_type", ["password", "textarea", "text"])
def test_a_secret_is_private_and_never_shown(render_input, input_type):
    field = SecretField(metadata={"input_type": input_type}, required=True)
    shown = render_input(field, "hunter2", errors={"theField": ["No."]})

    assert shown.tag == ("textarea" if input_type == "textarea" else "input")
    assert shown.get("type") in (input_type, None)
    assert "data-private" in shown and "required" in shown
    assert not shown.get("value") and not shown.text.strip()


def test_a_file_is_chosen_without_a_value(render_input):
    field = Upload(metadata={"data_content_types": ["text/csv", "application/json"]})
    shown = render_input(field, "C:/fakepath")

    assert shown["type"] == "file"
    assert shown["accept"] == "text/csv,application/json"
    assert "value" not in shown


def test_a_hidden_field_shows_nothing_but_its_errors(render_fields):
    hidden = ma.fields.Integer(required=True, metadata={"input_type": "hidden"})
    schema = schema_of(step_id=hidden)
    form = render_fields(
        schema, values={"stepId": "x"}, errors={"stepId": ["Not a number."]}
    )

    hidden = form.one("input")
    assert hidden["value"] == "x" and "required" not in hidden
    # Scripts find the field around the wrapper around the input.
    (field,) = [each for each in form.children if getattr(each, "tag", "") == "div"][1:]
    assert "hidden" in field
    assert field.one(class_="qhana-input-wrapper").one("input") is hidden
    assert "Not a number." in form.one(class_="qhana-error-summary").words


def test_fields_for_output_only_are_left_out(render_fields):
    form = render_fields(
        schema_of(a=ma.fields.String(dump_only=True), b=ma.fields.String())
    )

    assert [each["name"] for each in form.all("input")] == ["b"]


def test_fields_keep_the_order_of_the_schema(render_fields):
    class Schema(FrontendFormBaseSchema):
        zulu = ma.fields.String()
        alpha = ma.fields.Boolean()
        mike = ma.fields.Raw()

    shown = [
        each["name"] for each in render_fields(Schema()).all(class_="qhana-form-input")
    ]

    assert shown == ["zulu", "alpha", "mike"]


def test_html_that_is_kept_shows_each_visitor_their_own_values(render_fields):
    note = ma.fields.String(metadata={"description": "A note."})
    schema = schema_of(
        note=note, text=ma.fields.Raw(), flag=ma.fields.Boolean(), color=EnumField(Color)
    )
    for value in ("one", "<two> & \"'", "", "\0"):
        values = {"note": value, "text": value, "flag": bool(value), "color": "blue"}
        form = render_fields(schema, values=values)
        shown = "\ufffd" if value == "\0" else value
        assert form.one("input", type="text")["value"] in (value, shown)
        assert form.one("textarea").text.removeprefix("\n") in (value, shown)
        assert ("checked" in form.one("input", type="checkbox")) is bool(value)
    empty = render_fields(schema)
    assert empty.one("input", type="text")["value"] == ""
    assert "checked" not in empty.one("input", type="checkbox")


@pytest.mark.parametrize(
    "field, values, extras",
    [
        (ma.fields.String(), {"f": "entered 1"}, None),
        (ma.fields.List(ma.fields.String()), {"f": ["entered 1", "entered 2"]}, None),
        (
            ma.fields.String(metadata={"options": {"entered 1": ""}}),
            {"f": "entered 1"},
            None,
        ),
        (ma.fields.String(), {}, {"f": {"datalist": ["entered 1"]}}),
    ],
    ids=["text", "texts", "choice", "suggestion"],
)
def test_what_users_enter_is_not_kept_and_shown_each_time(render, field, values, extras):
    schema = ma.Schema.from_dict({"f": field})()
    form = describe_form(schema, values, extras=extras)
    before = copy.deepcopy(form)
    page = render("{{ form_fields_html(form.fields, '', '', '') }}" * 2, form=form)
    first, second = page.all("div", class_="qhana-input-wrapper")
    assert str(list(first.walk())) == str(list(second.walk()))
    assert "entered 1" in str(list(first.walk()))
    assert form == before
    del form, before
    gc.collect()
    fields = [each for each in gc.get_objects() if isinstance(each, FormField)]
    assert not [each for each in fields if "entered" in repr(each)]
