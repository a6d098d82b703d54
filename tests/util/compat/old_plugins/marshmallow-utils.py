import marshmallow as ma
from marshmallow.utils import EXCLUDE, INCLUDE, RAISE, missing


class FormSchema(ma.Schema):
    class Meta:
        unknown = EXCLUDE


def check():
    assert FormSchema().load({"x": 1}) == {}
    assert FormSchema(unknown=INCLUDE).load({"x": 1}) == {"x": 1}
    assert FormSchema(unknown=RAISE).validate({"x": 1}) == {"x": ["Unknown field."]}
    assert missing is ma.missing
