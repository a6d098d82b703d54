from collections import OrderedDict

import marshmallow as ma


class FormSchema(ma.Schema):
    b = ma.fields.Integer()
    a = ma.fields.Integer()

    class Meta:
        ordered = True


class More(FormSchema):
    c = ma.fields.Integer()


def check():
    dumped = More().dump({"a": 1, "b": 2, "c": 3})
    assert isinstance(dumped, OrderedDict)
    assert list(dumped) == ["b", "a", "c"]
    schema = FormSchema()
    schema.fields.move_to_end("b")
    assert list(schema.fields) == ["a", "b"]
