"""Schemas and fields, in the ways in which plugins use them."""

import sys
from enum import Enum

import marshmallow as ma
import pytest
from helpers.plugins import plugin_source

from qhana_plugin_runner.api.extra_fields import CSVList, EnumField
from qhana_plugin_runner.api.tasks import TaskCommandSchema
from qhana_plugin_runner.api.util import (
    FileUrl,
    FrontendFormBaseSchema,
    MaBaseSchema,
    PluginUrl,
)

old_plugins = pytest.mark.filterwarnings(
    "ignore::qhana_plugin_runner.util.compat.PluginCompatWarning"
)


class Names(MaBaseSchema):
    input_str = ma.fields.String()
    file_id = ma.fields.String(data_key="file-id")
    host = ma.fields.String(data_key="db_host")


def test_json_keys_are_the_camel_case_of_the_python_names():
    assert Names().dump({"input_str": "x"}) == {"inputStr": "x"}
    assert Names().load({"inputStr": "x"}) == {"input_str": "x"}


def test_an_explicit_data_key_goes_through_the_same_conversion():
    data = {"file-id": "1", "dbHost": "h"}
    assert Names().load(data) == {"file_id": "1", "host": "h"}
    assert Names().dump({"file_id": "1", "host": "h"}) == data


class Form(FrontendFormBaseSchema):
    z_first = ma.fields.Integer(required=True)
    a_second = ma.fields.String(validate=ma.validate.Length(min=2))
    m_third = ma.fields.Boolean()


def test_the_schema_of_a_form_has_camel_case_keys_and_keeps_the_order_of_its_fields():
    assert list(Form().fields) == ["z_first", "a_second", "m_third"]
    data = {"zFirst": "1", "aSecond": "ab", "mThird": "on"}
    assert list(Form().load(data)) == ["z_first", "a_second", "m_third"]
    assert list(Form().dump({"m_third": True, "z_first": 1})) == ["zFirst", "mThird"]


def test_load_returns_the_errors_instead_of_the_data_when_asked():
    wrong = {"aSecond": "a"}
    errors = Form(validate_errors_as_result=True).load(wrong)
    assert errors == Form().validate(wrong)
    assert set(errors) == {"zFirst", "aSecond"}
    right = {"zFirst": "1"}
    assert Form(validate_errors_as_result=True).load(right) == {}
    with pytest.raises(ma.ValidationError):
        Form().load(wrong)


@pytest.fixture(params=[FileUrl, PluginUrl])
def url_field(request):
    return request.param


URLS = [
    "http://example.org/x?y=z",
    "https://user:pw@example.org:8443/",
    "ftp://example.org/x",
    "ftps://example.org/x",
    "data:text/csv;base64,YSxi",
    "data:,x",
]
FILE = "file:///tmp/x.csv"


@pytest.mark.parametrize("url", [*URLS, FILE])
def test_file_urls_are_http_https_ftp_ftps_file_and_data(url):
    assert FileUrl().deserialize(url) == url


@pytest.mark.parametrize("url", URLS)
def test_plugin_urls_are_the_same_without_file(url):
    assert PluginUrl().deserialize(url) == url
    with pytest.raises(ma.ValidationError):
        PluginUrl().deserialize(FILE)


@pytest.mark.parametrize(
    "url", ["gopher://x/", "javascript:alert(1)", "x", "//x/y", "/x"]
)
def test_other_urls_are_refused(url_field, url):
    with pytest.raises(ma.ValidationError):
        url_field().deserialize(url)


def test_an_empty_url_is_none(url_field):
    assert url_field().deserialize("") is None


HOSTS = [
    "http://backend:9090/x",
    "http://localhost/",
    "http://127.0.0.1:5005/",
    "http://x",
]


@pytest.mark.parametrize("url", HOSTS)
def test_hosts_without_a_top_level_domain_are_valid_in_every_url_field(url_field, url):
    class Schema(MaBaseSchema):
        plain = ma.fields.Url()
        many = ma.fields.List(ma.fields.Url())
        mine = url_field()

    data = {"plain": url, "many": [url], "mine": url}
    assert Schema().load(data) == data


@pytest.mark.parametrize("url", HOSTS)
def test_they_are_valid_for_webhooks_too(url):
    command = {"command": "subscribe", "webhookHref": url, "event": None}
    assert TaskCommandSchema().load(command)["webhook_href"] == url


@pytest.mark.parametrize("types", ["text/csv", ["text/csv", "application/json"]])
def test_what_a_file_url_accepts_lands_in_its_metadata(types):
    field = FileUrl(
        data_input_type="entity/list",
        data_content_types=types,
        metadata={"label": "Entities"},
    )
    kept = {key: field.metadata[key] for key in ("label", "data_input_type")}
    assert kept == {"label": "Entities", "data_input_type": "entity/list"}
    assert field.metadata["data_content_types"] == types


def test_what_a_plugin_url_accepts_lands_in_its_metadata():
    field = PluginUrl(
        plugin_tags=["a", "!b"], plugin_name="n", plugin_version=">=1", metadata={"x": 1}
    )
    assert field.metadata["plugin_tags"] == ["a", "!b"]
    kept = [field.metadata[key] for key in ("plugin_name", "plugin_version", "x")]
    assert kept == ["n", ">=1", 1]


@old_plugins
def test_keywords_that_nobody_knows_do_not_fail(url_field):
    field = url_field(load_missing="", metadata={"label": "x"}, description="d")
    assert field.metadata["label"] == "x"


class Colour(Enum):
    red = "#f00"
    green = "#0f0"


def test_an_enum_is_loaded_by_the_name_of_its_member():
    assert EnumField(Colour).deserialize("red") is Colour.red
    with pytest.raises(ma.ValidationError):
        EnumField(Colour).deserialize("#f00")


def test_an_enum_is_loaded_by_value_when_asked():
    assert EnumField(Colour, use_value=True).deserialize("#f00") is Colour.red


def test_an_empty_choice_is_none():
    assert EnumField(Colour).deserialize("") is None


def test_the_options_of_an_enum_are_names_and_labels_the_empty_one_first():
    options = EnumField(Colour, metadata={"options": {"red": "Rot", "": "-"}}).metadata
    assert list(options["options"].items()) == [
        ("", "-"),
        ("red", "Rot"),
        ("green", "#0f0"),
    ]
    assert list(EnumField(Colour).metadata["options"]) == ["red", "green"]


def test_an_enum_is_written_as_the_name_of_its_member():
    class Schema(MaBaseSchema):
        colour = EnumField(Colour)
        other = EnumField(Colour, use_value=True)

    given = {"colour": Colour.green, "other": Colour.red}
    assert Schema().dump(given) == {"colour": "green", "other": "red"}


def test_a_csv_list_is_text_with_commas_and_a_list():
    class Schema(MaBaseSchema):
        sizes = CSVList(element_type=ma.fields.Integer)

    assert Schema().load({"sizes": "1,2,3"}) == {"sizes": [1, 2, 3]}
    assert Schema().dump({"sizes": [1, 2, 3]}) == {"sizes": "1,2,3"}
    with pytest.raises(ma.ValidationError):
        Schema().load({"sizes": "1,x"})


@old_plugins
def test_keywords_of_marshmallow_3_and_unknown_ones_are_taken():
    class Schema(FrontendFormBaseSchema):
        count = ma.fields.Integer(missing=3, allow_None=True, description="How many")
        named = ma.fields.String(load_missing="x", default="out", label="Name")

    fields = Schema().fields
    assert Schema().load({})["count"] == 3
    assert Schema().dump({})["named"] == "out"
    assert fields["count"].metadata["description"] == "How many"
    assert fields["named"].metadata["label"] == "Name"


@old_plugins
def test_abstract_fields_of_marshmallow_4_can_be_instantiated():
    assert ma.fields.Number().deserialize("1.5") == 1.5
    assert ma.fields.Mapping().deserialize({"a": 1}) == {"a": 1}


@old_plugins
def test_old_names_are_importable_where_they_were(plugins):
    more = """\
    from flask import Markup
    from marshmallow.utils import EXCLUDE, INCLUDE, RAISE

    @BLP.route("/old/")
    def old():
        return {"names": [EXCLUDE, INCLUDE, RAISE], "markup": Markup("<b>") + "<"}
    """
    plugins.write("old.py", plugin_source("old", more=more))
    answer = plugins.client().get("/plugins/old@v1-0-0/old/")
    assert answer.json == {"names": ["exclude", "include", "raise"], "markup": "<b>&lt;"}


@old_plugins
def test_schemas_of_marshmallow_3_work(plugins):
    more = """\
    import marshmallow as ma
    from flask import request
    from qhana_plugin_runner.api.util import FrontendFormBaseSchema

    class OldSchema(FrontendFormBaseSchema):
        class Meta:
            ordered = True

        number = ma.fields.Integer()
        many = ma.fields.String()

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.fields = {name: self.fields[name] for name in ("many", "number")}

        @ma.post_load(pass_original=True)
        def collect(self, data, original, **kwargs):
            data["all"] = original.getlist("many")
            data["context"] = self.context.get("who")
            return data

    @BLP.route("/old/")
    class OldView(MethodView):
        @BLP.arguments(OldSchema(context={"who": "me"}), location="form")
        @BLP.response(200)
        def post(self, data):
            return data
    """
    plugins.write("old.py", plugin_source("old", more=more))
    form = {"number": "1", "many": ["a", "b"]}
    answer = plugins.client().post("/plugins/old@v1-0-0/old/", data=form)
    assert answer.status_code == 200, answer.text
    expected = {"number": 1, "many": "a", "all": ["a", "b"], "context": "me"}
    assert answer.json == expected
    assert list(sys.modules["old"].OldSchema().fields) == ["many", "number"]


@pytest.mark.parametrize("kind", ["Integer", "Float", "Decimal"])
def test_an_empty_number_in_a_form_is_unprocessable(plugins, kind):
    more = f"""\
    import marshmallow as ma
    from qhana_plugin_runner.api.util import FrontendFormBaseSchema

    class NumberSchema(FrontendFormBaseSchema):
        some_number = ma.fields.{kind}()

    @BLP.route("/number/")
    class NumberView(MethodView):
        @BLP.arguments(NumberSchema(), location="form")
        def post(self, data):
            return data
    """
    plugins.write("number.py", plugin_source("number", more=more))
    answer = plugins.client().post(
        "/plugins/number@v1-0-0/number/", data={"someNumber": ""}
    )
    assert answer.status_code == 422
    assert list(answer.json["errors"]["form"]) == ["someNumber"]
