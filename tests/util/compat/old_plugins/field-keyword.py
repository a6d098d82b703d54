import marshmallow as ma


class FormSchema(ma.Schema):
    name = ma.fields.String(
        allow_None=True,
        load_missing="x",
        description="A name",
        metadata={"label": "Name"},
    )
    count = ma.fields.Integer(missing=3)
    share = ma.fields.Float(missing=None)
    out = ma.fields.String(default="out")
    both = ma.fields.String(missing=ma.missing, load_default="new", default="old")


def check():
    fields = FormSchema().fields
    assert fields["name"].metadata == {
        "allow_None": True,
        "load_missing": "x",
        "description": "A name",
        "label": "Name",
    }
    assert fields["count"].metadata == {}
    assert FormSchema().load({}) == {"count": 3, "share": None, "both": "new"}
    assert fields["share"].allow_none
    assert FormSchema().dump({}) == {"out": "out", "both": "old"}
