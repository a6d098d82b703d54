import marshmallow as ma


class FormSchema(ma.Schema):
    name = ma.fields.String(load_default="a", dump_default="b")


def check():
    schema = FormSchema()
    field = schema.fields["name"]
    assert (field.missing, field.default) == ("a", "b")
    field.missing = "c"
    field.default = "d"
    assert schema.load({}) == {"name": "c"}
    assert schema.dump({}) == {"name": "d"}
