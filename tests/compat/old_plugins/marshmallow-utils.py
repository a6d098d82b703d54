import datetime

import marshmallow as ma
from marshmallow.utils import EXCLUDE, INCLUDE, RAISE, from_iso_date, missing


class FormSchema(ma.Schema):
    class Meta:
        unknown = EXCLUDE


def check():
    assert FormSchema().load({"x": 1}) == {}
    assert FormSchema(unknown=INCLUDE).load({"x": 1}) == {"x": 1}
    assert FormSchema(unknown=RAISE).validate({"x": 1}) == {"x": ["Unknown field."]}
    assert missing is ma.missing
    assert from_iso_date("2024-02-29") == datetime.date(2024, 2, 29)
    assert ma.utils.is_instance_or_subclass(FormSchema, ma.Schema)
    assert ma.utils.is_instance_or_subclass(FormSchema(), ma.Schema)
    assert isinstance(ma.utils.resolve_field_instance(ma.fields.String), ma.fields.String)
    assert ma.utils.get_func_args(lambda a, b: None) == ["a", "b"]
