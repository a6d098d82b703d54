"""Schemas and fields of the API as plugins use them."""

from dataclasses import is_dataclass
from enum import Enum
from io import BytesIO
from types import SimpleNamespace

import marshmallow as ma
import pytest
from flask_babel import lazy_gettext
from flask_smorest.fields import Upload
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import FileStorage, MultiDict

from qhana_plugin_runner.api import EnumField as ReexportedEnumField
from qhana_plugin_runner.api.extra_fields import CSVList, EnumField, OneOfEnum
from qhana_plugin_runner.api.plugin_schemas import (
    ApiLink,
    DataMetadata,
    EntryPoint,
    InputDataMetadata,
    OutputDataMetadata,
    PluginDependencyMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
    WebhookParamsSchema,
)
from qhana_plugin_runner.api.util import (
    FileUrl,
    FrontendFormBaseSchema,
    MaBaseSchema,
    PluginUrl,
    camelcase,
)


def schema(**fields):
    return MaBaseSchema.from_dict(fields)()


def errors(field, value):
    return schema(f=field).validate({"f": value}).get("f")


def loaded(field, value):
    return schema(f=field).load({"f": value})["f"]


class Color(Enum):
    red = "RED"
    green = "GREEN"
    blue = 3


# keys


@pytest.mark.parametrize(
    "name, key",
    [
        ("input_str", "inputStr"),
        ("input", "input"),
        ("a_b_c", "aBC"),
        ("file-id", "file-id"),
        ("db_host", "dbHost"),
        ("alreadyCamel", "alreadyCamel"),
    ],
)
def test_keys_are_the_camel_case_of_names_and_of_explicit_keys(name, key):
    assert camelcase(name) == key
    by_key = schema(python=ma.fields.String(data_key=name))
    assert by_key.load({key: "x"}) == {"python": "x"}
    assert by_key.dump({"python": "x"}) == {key: "x"}
    by_name = schema(**{name: ma.fields.String()})
    assert by_name.load({key: "x"}) == {name: "x"}


class Form(FrontendFormBaseSchema):
    zebra = ma.fields.String(required=True)
    input_number = ma.fields.Integer()
    apple = ma.fields.String()


def test_a_form_keeps_the_order_of_its_fields():
    assert list(Form().fields) == ["zebra", "input_number", "apple"]
    assert [field.data_key for field in Form().fields.values()] == [
        "zebra",
        "inputNumber",
        "apple",
    ]


@pytest.mark.parametrize(
    "data", [{}, {"inputNumber": "x"}, MultiDict({"inputNumber": ""})]
)
def test_a_form_returns_its_errors_as_result_when_asked(data):
    found = Form(validate_errors_as_result=True).load(data)
    assert found == Form().validate(data)
    assert found["zebra"] == ["Missing data for required field."]
    with pytest.raises(ma.ValidationError):
        Form().load(data)


def test_a_form_without_errors_returns_none_of_them():
    data = {"zebra": "x", "inputNumber": "5"}
    assert Form(validate_errors_as_result=True).load(data) == {}
    assert Form().load(data) == {"zebra": "x", "input_number": 5}


def test_a_form_takes_the_arguments_of_every_schema():
    form = Form(unknown=ma.EXCLUDE, only=["zebra"], validate_errors_as_result=True)
    assert form.load({"zebra": "x", "more": 1}) == {}
    assert Form(partial=True, validate_errors_as_result=True).load({}) == {}


# forms as browsers send them


class Empty(FrontendFormBaseSchema):
    """Fields that may be left empty, by what they are."""

    a_number = ma.fields.Integer(load_default=None)
    a_float = ma.fields.Float(allow_none=True)
    a_decimal = ma.fields.Decimal(allow_none=True)
    a_date = ma.fields.Date(allow_none=True)
    a_time = ma.fields.Time(allow_none=True)
    a_moment = ma.fields.DateTime(allow_none=True)
    a_span = ma.fields.TimeDelta(allow_none=True)
    an_address = ma.fields.Url(allow_none=True)
    a_mail = ma.fields.Email(allow_none=True)
    an_id = ma.fields.UUID(allow_none=True)
    a_host = ma.fields.IP(allow_none=True)
    a_switch = ma.fields.Boolean(allow_none=True)
    a_choice = ma.fields.Enum(Color, allow_none=True)


@pytest.mark.parametrize("name", Empty().fields)
@pytest.mark.parametrize("container", [dict, MultiDict])
def test_what_was_left_empty_is_none_where_that_is_allowed(name, container):
    data = container({camelcase(name): ""})
    assert Empty().load(data) == {**Empty().load({}), name: None}
    assert Empty().validate(data) == {}


@pytest.mark.parametrize(
    "field",
    [
        ma.fields.Integer(),
        ma.fields.Integer(load_default=5),
        ma.fields.Float(required=True, allow_none=True),
        ma.fields.Date(),
        ma.fields.Time(required=True),
    ],
)
def test_what_was_left_empty_is_an_error_elsewhere(field):
    form = FrontendFormBaseSchema.from_dict({"f": field})()
    assert list(form.validate(MultiDict({"f": ""}))) == ["f"]


def test_an_empty_text_stays_one():
    fields = {"text": ma.fields.String(allow_none=True), "raw": ma.fields.Raw()}
    form = FrontendFormBaseSchema.from_dict(fields)()
    assert form.load(MultiDict({"text": "", "raw": ""})) == {"text": "", "raw": ""}


LISTS = {
    "numbers": ma.fields.List(ma.fields.Integer(), required=True),
    "texts": ma.fields.List(ma.fields.String()),
    "choices": ma.fields.List(EnumField(Color)),
    "some": ma.fields.List(ma.fields.String(validate=ma.validate.OneOf(["a", "b"]))),
    "offered": ma.fields.List(ma.fields.String(), metadata={"options": ["a", "b"]}),
    "pair": ma.fields.Tuple((ma.fields.String(), ma.fields.String())),
    "one": ma.fields.String(),
}


@pytest.mark.parametrize("base", [MaBaseSchema, FrontendFormBaseSchema])
@pytest.mark.parametrize("wrap", [lambda data, _form: data, MultiDictProxy])
@pytest.mark.parametrize(
    "sent, expected",
    [
        ([("numbers", "")], {"numbers": []}),
        (
            [("numbers", "1"), ("numbers", "2"), ("texts", ""), ("choices", "")],
            {"numbers": [1, 2], "texts": [], "choices": []},
        ),
        (
            [("numbers", "1"), ("choices", "red"), ("choices", ""), ("texts", "a")],
            {"numbers": [1], "choices": [Color.red], "texts": ["a"]},
        ),
        (
            [("texts", ""), ("texts", "a"), ("numbers", ""), ("numbers", "1")],
            {"numbers": [1], "texts": ["", "a"]},
        ),
        (
            [("texts", ""), ("texts", ""), ("numbers", ""), ("numbers", "")],
            {"numbers": [], "texts": []},
        ),
        (
            [("some", "a"), ("some", ""), ("offered", "b"), ("offered", "")]
            + [("pair", ""), ("pair", "x"), ("numbers", "1")],
            {"some": ["a"], "offered": ["b"], "pair": ("", "x"), "numbers": [1]},
        ),
        ([("numbers", "1"), ("one", "a"), ("one", "b")], {"numbers": [1], "one": "a"}),
    ],
)
def test_a_schema_with_lists_reads_a_form(base, wrap, sent, expected):
    form = base.from_dict(LISTS)()
    data = wrap(MultiDict(sent), form)
    assert form.validate(data) == {}
    assert form.load(data) == expected


def test_lists_are_told_what_is_wrong_with_them():
    form = FrontendFormBaseSchema.from_dict(LISTS)()
    sent = MultiDict([("numbers", "1"), ("numbers", "x"), ("more", "1"), ("more", "2")])
    assert form.validate(sent) == {
        "numbers": {1: ["Not a valid integer."]},
        "more": ["Unknown field."],
    }
    assert list(form.validate(MultiDict())) == ["numbers"]
    assert list(form.validate({"numbers": "1"})) == ["numbers"]  # no form: a list is one


def test_hooks_of_a_schema_get_the_form_as_it_was_sent():
    seen = {}

    class Hooked(FrontendFormBaseSchema):
        names = ma.fields.List(ma.fields.String())

        @ma.pre_load
        def before(self, data, **kwargs):
            seen["before"] = data.getlist("names"), sorted(kwargs)
            return data

        @ma.post_load(pass_original=True)
        def after(self, data, original, **kwargs):
            seen["after"] = original.getlist("names"), sorted(kwargs)
            return data

    sent = MultiDict([("names", "a"), ("names", "")])
    assert Hooked().load(sent) == {"names": ["a", ""]}
    assert seen == {
        "before": (["a", ""], ["many", "partial"]),
        "after": (["a", ""], ["many", "partial"]),
    }


@pytest.mark.parametrize("base", [MaBaseSchema, FrontendFormBaseSchema])
def test_a_file_input_in_which_nothing_was_chosen_is_no_file(base):
    nothing = FileStorage(BytesIO(), filename="", name="file")
    unnamed = FileStorage(BytesIO(b"x"), filename="", name="file")
    needed = base.from_dict({"file": Upload(required=True)})()
    optional = base.from_dict({"file": Upload(load_default=None)})()
    several = base.from_dict({"file": ma.fields.List(Upload())})()
    assert list(needed.validate(MultiDict({"file": nothing}))) == ["file"]
    assert optional.load(MultiDict({"file": nothing})) == {"file": None}
    assert several.load(MultiDict({"file": nothing})) == {"file": []}
    assert needed.load(MultiDict({"file": unnamed}))["file"].read() == b"x"


def test_a_file_that_was_not_chosen_is_no_value_for_anybody():
    seen = []

    class Copied(FrontendFormBaseSchema):
        class Meta:
            unknown = ma.INCLUDE

        file = Upload()

        @ma.pre_load
        def before(self, data, **_kwargs):
            seen.append(dict(data))
            return seen[0]

    sent = MultiDict({"file": FileStorage(), "other": FileStorage(), "text": "a"})
    assert Copied().load(sent) == {"text": "a"}
    assert seen == [{"text": "a"}]
    assert len(sent) == 3


# URLs


WITHOUT_TLD = "http://backend:9090/x?a=b#c"


class Urls(MaBaseSchema):
    plain = ma.fields.Url()
    strict = ma.fields.Url(require_tld=True)
    http_only = ma.fields.Url(schemes={"http"})
    listed = ma.fields.List(ma.fields.Url())
    in_text = CSVList(element_type=ma.fields.Url())
    file = FileUrl()
    strict_file = FileUrl(require_tld=True)
    plugin = PluginUrl()


@pytest.mark.parametrize("key", [f.data_key for f in Urls().fields.values()])
def test_a_host_without_top_level_domain_is_valid_everywhere(key):
    value = [WITHOUT_TLD] if key == "listed" else WITHOUT_TLD
    assert Urls().validate({key: value}) == {}
    wrong = ["no url"] if key == "listed" else "no url"
    assert list(Urls().validate({key: wrong})) == [key]


def test_the_webhook_of_a_plugin_may_come_from_a_host_without_top_level_domain():
    params = {"source": "http://runner:5005/tasks/1/", "event": "status"}
    assert WebhookParamsSchema().load(params) == params
    assert WebhookParamsSchema().load({"source": "http://h/"})["event"] is None
    assert WebhookParamsSchema(partial=True).load({}) == {}


def test_other_restrictions_of_a_url_stay():
    assert list(Urls().validate({"httpOnly": "https://host/"})) == ["httpOnly"]


FOR_ALL = [
    "http://host/a",
    "https://user:pw@host.example:8080/a?b=c",
    "ftp://host/a",
    "ftps://host/a",
    "http://127.0.0.1:5005/",
    "http://[::1]:5005/",
    "data:text/plain,hello",
    "data:,",
    "data:application/json;charset=utf-8;base64,e30=",
    "DATA:text/plain,x",
]
FOR_FILES = ["file:///folder/file.csv", "file://localhost/folder/file.csv"]
FOR_NONE = ["no url", "//host/a", "/relative", "javascript:alert(1)", "http://", "data:x"]
FOR_NONE += ["file://otherhost/file", "file:relative", "gopher://host/", "http:// host/"]


@pytest.mark.parametrize("url", FOR_ALL + FOR_FILES)
def test_a_file_url_accepts_what_can_be_fetched(url):
    assert loaded(FileUrl(), url) == url


@pytest.mark.parametrize("url", FOR_NONE)
def test_a_file_url_refuses_others(url):
    assert errors(FileUrl(), url)


@pytest.mark.parametrize("url", FOR_ALL)
def test_a_plugin_url_accepts_the_same_but_files(url):
    assert loaded(PluginUrl(), url) == url


@pytest.mark.parametrize("url", FOR_NONE + FOR_FILES)
def test_a_plugin_url_refuses_others(url):
    assert errors(PluginUrl(), url)


def test_schemes_can_be_chosen():
    assert errors(FileUrl(schemes=["https"]), "http://host/")
    assert errors(FileUrl(schemes=["https"]), "file:///x")
    assert not errors(FileUrl(schemes=["https"]), "https://host/")


def test_relative_urls_can_be_allowed():
    assert not errors(FileUrl(relative=True), "/files/1/")


EMPTY_IS_NONE = {
    "file": FileUrl,
    "plugin": PluginUrl,
    "enum": lambda **k: EnumField(Color, **k),
}
each_of_them = pytest.mark.parametrize("make", EMPTY_IS_NONE.values(), ids=EMPTY_IS_NONE)


@each_of_them
def test_empty_text_is_none(make):
    assert loaded(make(), "") is None
    assert loaded(make(allow_none=True), "") is None
    assert loaded(make(required=True, allow_none=True), "") is None
    assert schema(f=make()).load({}) == {}


@each_of_them
def test_empty_text_is_an_error_when_a_value_is_required(make):
    assert errors(make(required=True), "") == ["Field may not be null."]
    assert errors(make(allow_none=False), "") == ["Field may not be null."]
    assert "f" in schema(f=make(required=True)).validate({})


@each_of_them
def test_a_default_is_used_for_what_is_missing(make):
    assert schema(f=make(load_default=None)).load({}) == {"f": None}


def test_what_a_file_url_is_for_lands_in_the_metadata():
    field = FileUrl(
        required=True,
        data_input_type="entity/list",
        data_content_types="text/csv",
        load_missing=None,
        description="not known to marshmallow",
        metadata={"label": "Entities"},
    )
    assert field.metadata == {
        "label": "Entities",
        "data_input_type": "entity/list",
        "data_content_types": "text/csv",
        "load_missing": None,
        "description": "not known to marshmallow",
    }
    types = ["text/csv", "application/json"]
    assert FileUrl(data_content_types=types).metadata["data_content_types"] == types
    assert FileUrl().metadata == {}


def test_what_a_plugin_url_is_for_lands_in_the_metadata():
    field = PluginUrl(
        plugin_tags=["optimizer", "!slow"],
        plugin_name="name",
        plugin_version=">=1",
        metadata={"label": "Plugin"},
    )
    assert field.metadata == {
        "label": "Plugin",
        "plugin_tags": ["optimizer", "!slow"],
        "plugin_name": "name",
        "plugin_version": ">=1",
    }


def test_validators_of_the_plugin_are_kept():
    field = FileUrl(validate=ma.validate.Length(max=20))
    assert errors(field, "http://host/" + "x" * 20)
    assert not errors(field, "http://host/")


def test_a_url_that_is_no_text_is_refused():
    for field in (FileUrl(), PluginUrl()):
        for value in (5, ["http://host/"], {"a": 1}):
            assert errors(field, value)


# choices


@pytest.mark.parametrize("name", ["red", "green", "blue"])
def test_a_choice_is_loaded_by_name_and_dumped_as_name(name):
    member = Color[name]
    assert loaded(EnumField(Color), name) is member
    for field in (EnumField(Color), EnumField(Color, use_value=True)):
        assert schema(f=field).dump({"f": member}) == {"f": name}
    assert ReexportedEnumField is EnumField


@pytest.mark.parametrize(
    "value, member", [("RED", Color.red), (3, Color.blue), ("3", Color.blue)]
)
def test_a_choice_can_be_loaded_by_value(value, member):
    assert loaded(EnumField(Color, use_value=True), value) is member


@pytest.mark.parametrize("value", ["RED", "purple", "name", "__class__", 5, ["red"], {}])
def test_another_choice_is_refused_with_those_there_are(value):
    assert errors(EnumField(Color), value) == ["Must be one of: red, green, blue."]
    if value != "RED":
        assert errors(EnumField(Color, use_value=True), value)


def test_nothing_is_dumped_as_nothing():
    assert schema(f=EnumField(Color)).dump({"f": None}) == {"f": None}


def test_options_are_labels_by_name_with_a_given_empty_one_first():
    labels = {"red": "Like a rose", "": "Choose ..."}
    field = EnumField(Color, metadata={"label": "Colour", "options": labels})
    assert field.metadata["label"] == "Colour"
    assert list(field.metadata["options"].items()) == [
        ("", "Choose ..."),
        ("red", "Like a rose"),
        ("green", "GREEN"),
        ("blue", "blue"),
    ]
    assert list(EnumField(Color).metadata["options"]) == ["red", "green", "blue"]
    assert labels == {"red": "Like a rose", "": "Choose ..."}


@pytest.mark.parametrize("use_value", [False, True])
def test_an_empty_option_of_the_plugin_is_no_choice_even_if_one_is_required(use_value):
    field = EnumField(
        Color, use_value, required=True, metadata={"options": {"": "None of them"}}
    )
    assert loaded(field, "") is None
    assert loaded(field, "red") is Color.red
    assert "f" in schema(f=field).validate({})


def test_one_of_enum_takes_texts_as_choices():
    check = OneOfEnum(Color, ["red", ""], ["Red", "None"], error=None)
    assert check("red") == "red" and check(Color.red) is Color.red
    assert check(None) is None and check("") == ""
    for other in ("green", Color.green):
        with pytest.raises(ma.ValidationError, match="red, ."):
            check(other)
    with pytest.raises(ma.ValidationError):
        OneOfEnum(Color, ["red"])(None)
    assert OneOfEnum(Color, [Color.red, "GREEN"], use_value=True)(Color.green)


def test_one_of_enum_checks_members_names_and_values():
    by_name, by_value = OneOfEnum(Color), OneOfEnum(Color, use_value=True)
    assert by_name("red") == "red" and by_name(Color.red) is Color.red
    assert by_value("RED") == "RED" and by_value(3) == 3
    some = OneOfEnum(Color, [Color.red], ["Red"], error="Only {labels}.")
    with pytest.raises(ma.ValidationError, match="Only Red."):
        some(Color.green)
    with pytest.raises(ma.ValidationError):
        by_name("RED")


# lists in one text


@pytest.mark.parametrize("element_type", [ma.fields.Integer(), ma.fields.Integer])
def test_a_list_is_read_from_and_written_as_one_text(element_type):
    field = CSVList(element_type=element_type)
    assert loaded(field, "1, 2,3") == [1, 2, 3]
    assert loaded(field, [1, "2"]) == [1, 2]
    assert loaded(field, " ") == []
    assert schema(f=field).dump({"f": [1, 2]}) == {"f": "1,2"}
    assert schema(f=field).dump({"f": None}) == {"f": None}


def test_a_list_may_have_choices_and_dates_as_elements():
    field = CSVList(element_type=EnumField(Color), required=True, metadata={"label": "x"})
    assert loaded(field, "red,blue") == [Color.red, Color.blue]
    assert schema(f=field).dump({"f": [Color.red, Color.blue]}) == {"f": "red,blue"}
    days = schema(f=CSVList(ma.fields.Date()))
    assert days.dump(days.load({"f": "2024-01-02,2024-01-03"})) == {
        "f": "2024-01-02,2024-01-03"
    }


def test_errors_of_a_list_name_the_element():
    assert errors(CSVList(ma.fields.Integer()), "1,x,3") == {1: ["Not a valid integer."]}
    assert errors(CSVList(ma.fields.Integer()), 5)
    assert errors(CSVList(ma.fields.Integer()), None) == ["Field may not be null."]


# metadata of plugins


def test_the_metadata_of_a_plugin_has_the_keys_that_clients_read():
    plugin = PluginMetadata(
        title="Title",
        description="Description",
        name="name",
        version="v1",
        type=PluginType.visualization,
        entry_point=EntryPoint(
            href="./process/",
            ui_href="./ui/",
            plugin_dependencies=[
                PluginDependencyMetadata("parameter", True, tags=["t"]),
                PluginDependencyMetadata(
                    parameter="p", required=False, name="n", type=PluginType.processing
                ),
            ],
            data_input=[InputDataMetadata("entity/list", ["text/csv"], True, "fileUrl")],
            data_output=[
                DataMetadata("entity/list", ["text/csv"], True),
                OutputDataMetadata("*", ["*"], required=False, name="out"),
            ],
        ),
        tags=["a"],
        links=[ApiLink("more", "./more/")],
    )
    document = PluginMetadataSchema().dump(plugin)
    read = PluginMetadataSchema().load(document)
    assert (read.name, read.type, read.links) == (plugin.name, plugin.type, plugin.links)
    assert isinstance(read.entry_point, EntryPoint)
    assert PluginMetadataSchema().dump(read) == document
    assert document == {
        "title": "Title",
        "description": "Description",
        "name": "name",
        "version": "v1",
        "type": "visualization",
        "tags": ["a"],
        "links": [{"type": "more", "href": "./more/"}],
        "entryPoint": {
            "href": "./process/",
            "uiHref": "./ui/",
            "pluginDependencies": [
                {"parameter": "parameter", "required": True, "tags": ["t"]},
                {
                    "parameter": "p",
                    "required": False,
                    "name": "n",
                    "type": "processing",
                },
            ],
            "dataInput": [
                {
                    "dataType": "entity/list",
                    "contentType": ["text/csv"],
                    "required": True,
                    "parameter": "fileUrl",
                }
            ],
            "dataOutput": [
                {
                    "dataType": "entity/list",
                    "contentType": ["text/csv"],
                    "required": True,
                },
                {
                    "dataType": "*",
                    "contentType": ["*"],
                    "required": False,
                    "name": "out",
                },
            ],
        },
    }


def test_lists_of_the_metadata_may_be_absent_but_are_never_null():
    entry = EntryPoint("p/", "u/", data_input=None, data_output=None)
    entry.plugin_dependencies = None
    plugin = PluginMetadata("t", "d", "n", "v1", PluginType.dataloader, entry, None, None)
    dumped = PluginMetadataSchema().dump(plugin)
    assert dumped["entryPoint"] == {"href": "p/", "uiHref": "u/"}
    assert "tags" not in dumped and "links" not in dumped


# metadata


def entry_point(**more):
    dependency = PluginDependencyMetadata(
        "visualizer", False, tags=["x"], type=PluginType.visualization
    )
    return EntryPoint(
        "./process/",
        "./ui/",
        data_input=[InputDataMetadata("entity/list", ["text/csv"], True, "url")],
        data_output=[
            DataMetadata("custom/a", ("text/plain",), True),
            OutputDataMetadata("custom/b", [None, 5], False, name="b"),
        ],
        plugin_dependencies=[dependency],
        **more,
    )


def not_own(value):
    """Return the same data in objects of a class that is not the runner's."""
    if isinstance(value, list):
        return list(map(not_own, value))
    if not is_dataclass(value):
        return value
    return SimpleNamespace(**{key: not_own(each) for key, each in vars(value).items()})


@pytest.mark.parametrize(
    "entry", [entry_point(), entry_point(schema_href="/x"), {"href": "/x"}, None]
)
@pytest.mark.parametrize("title", ["Title", lazy_gettext("Help"), b"bytes", 5, None])
@pytest.mark.parametrize("options", [{}, {"only": ["title", "entry_point.href"]}])
def test_own_objects_are_written_as_marshmallow_writes_them(entry, title, options):
    links = [ApiLink("help", "https://example.org")]
    about = PluginMetadata(
        title, "", "name", "v1", PluginType.processing, entry, links=links
    )
    schema = PluginMetadataSchema(**options)
    written, expected = schema.dump(about), schema.dump(not_own(about))
    assert list(written.items()) == list(expected.items())


def test_hooks_of_a_schema_of_a_plugin_are_called():
    class Schema(PluginMetadataSchema):
        @ma.post_dump
        def _mark(self, data, **_kwargs):
            return {**data, "mark": 1}

    about = PluginMetadata("", "", "name", "v1", PluginType.processing, entry_point())
    assert Schema().dump(about)["mark"] == 1
