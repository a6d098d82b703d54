import marshmallow as ma


class FormSchema(ma.Schema):
    small = ma.fields.Integer(validate=lambda value: value < 10)
    even = ma.fields.Integer(
        validate=[ma.validate.Range(min=0), lambda value: value % 2 == 0],
        error_messages={"validator_failed": "Not even."},
    )
    both = ma.fields.Integer(
        validate=ma.validate.And(
            ma.validate.Range(min=0), ma.validate.And(lambda value: value != 7)
        )
    )


def check():
    assert FormSchema().validate({"small": 10, "even": 3, "both": 7}) == {
        "small": ["Invalid value."],
        "even": ["Not even."],
        "both": ["Invalid value."],
    }
    fitting = {"small": 9, "even": 4, "both": 8}
    assert FormSchema().load(fitting) == fitting
