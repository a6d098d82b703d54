import marshmallow as ma


class FormSchema(ma.Schema):
    name = ma.fields.String(
        allow_None=True,
        load_missing="x",
        description="A name",
        metadata={"label": "Name"},
    )


def check():
    assert FormSchema().fields["name"].metadata == {
        "allow_None": True,
        "load_missing": "x",
        "description": "A name",
        "label": "Name",
    }
    assert FormSchema().load({}) == {}
