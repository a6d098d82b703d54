import marshmallow as ma


def small(value):
    if value > 9:
        raise ma.ValidationError("Too big.")


class FormSchema(ma.Schema):
    number = ma.fields.Integer(validate=ma.validate.And(small, error="Wrong."))


def check():
    assert FormSchema().validate({"number": 10}) == {"number": ["Too big."]}
    assert FormSchema().load({"number": 1}) == {"number": 1}
