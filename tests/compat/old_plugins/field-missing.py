import marshmallow as ma


class FormSchema(ma.Schema):
    names = ma.fields.List(ma.fields.String(), missing=[], load_only=True)
    count = ma.fields.Integer(required=False, missing=None)
    both = ma.fields.Integer(missing=1, load_default=2)


def check():
    loaded = FormSchema().load({})
    assert loaded == {"names": [], "count": None, "both": 2}
    assert FormSchema().load({"count": None})["count"] is None
