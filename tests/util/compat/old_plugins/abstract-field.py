import marshmallow as ma


class Percentage(ma.fields.Number):
    pass


class FormSchema(ma.Schema):
    size = ma.fields.Number(as_string=True)
    share = Percentage()
    options = ma.fields.Mapping(keys=ma.fields.String(), values=ma.fields.Integer())


def check():
    loaded = FormSchema().load({"size": "1.5", "share": 2, "options": {"a": "1"}})
    assert loaded == {"size": 1.5, "share": 2.0, "options": {"a": 1}}
    assert FormSchema().validate({"size": ""}) == {"size": ["Not a valid number."]}
    assert FormSchema().dump({"size": 2}) == {"size": "2.0"}
