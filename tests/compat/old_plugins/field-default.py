import marshmallow as ma


class FormSchema(ma.Schema):
    name = ma.fields.String(default="nobody")
    inner = ma.fields.Nested({"x": ma.fields.Integer()}, default={"x": 1})


def check():
    assert FormSchema().dump({}) == {"name": "nobody", "inner": {"x": 1}}
