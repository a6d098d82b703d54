import marshmallow as ma
from marshmallow import validates


class FormSchema(ma.Schema):
    name = ma.fields.String(data_key="theName")

    @validates("name")
    def check_name(self, value):
        if value == "x":
            raise ma.ValidationError("Not x.")


def check():
    assert FormSchema().validate({"theName": "x"}) == {"theName": ["Not x."]}
    assert FormSchema().load({"theName": "y"}) == {"name": "y"}
    FormSchema().check_name("y")
