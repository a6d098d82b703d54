"""Halves of surrogate pairs, which JSON may hold and UTF-8 may not."""

import marshmallow as ma
import pytest
from flask import render_template_string

from qhana_plugin_runner.api.extra_fields import CSVList
from qhana_plugin_runner.api.util import FileUrl, MaBaseSchema

HALF = "half \ud83d"


class Texts(MaBaseSchema):
    text = ma.fields.String()
    many = ma.fields.List(ma.fields.String())
    values = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())
    csv = CSVList(element_type=ma.fields.String())
    url = FileUrl()
    anything = ma.fields.Raw()
    free = ma.fields.Dict()
    pair = ma.fields.Tuple((ma.fields.Raw(), ma.fields.Raw()))


@pytest.mark.parametrize(
    "field, value",
    [
        ("text", HALF),
        ("many", ["fine", HALF]),
        ("values", {"x": HALF}),
        ("values", {HALF: "x"}),
        ("csv", f"x,{HALF}"),
        ("url", "http://x.example/\udc00"),
        ("anything", {"a": [{"b": HALF}]}),
        ("free", {"a": {HALF: 1}}),
        ("pair", ["fine", HALF]),
        (HALF, "fine"),
    ],
)
def test_schemas_name_the_field(field, value):
    errors = Texts().validate({field: value})
    assert "half of a surrogate pair" in str(errors[field])


def test_what_was_not_declared_is_checked_too():
    with pytest.raises(ma.ValidationError) as caught:
        Texts(unknown=ma.INCLUDE).load({"more": [HALF], "text": "fine"})
    assert list(caught.value.messages) == ["more"]


def test_whole_pairs_pass():
    assert Texts().load({"text": "\U0001f600"}) == {"text": "\U0001f600"}


def test_pages_and_answers_are_sent_whatever_is_in_them(app):
    app.add_url_rule("/page", "page", lambda: render_template_string("<{{ x }}>", x=HALF))
    app.add_url_rule("/text", "text", lambda: (HALF, 201, {"Content-Type": "text/plain"}))
    app.add_url_rule("/json", "json", lambda: {"x": HALF})
    client = app.test_client()
    assert client.get("/page").text == "<half \ufffd>"
    assert client.get("/text").text == "half \ufffd"
    assert client.get("/json").status_code == 200
