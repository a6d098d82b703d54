import marshmallow as ma
from marshmallow import post_load, pre_load, validates_schema


class FormSchema(ma.Schema):
    number = ma.fields.Integer()

    @pre_load
    def strip(self, data, many, partial):
        return {key: value.strip() for key, value in data.items()}

    @validates_schema(pass_original=True)
    def check_all(self, data, original, *, many=False, partial=None):
        if original["number"] == "13":
            raise ma.ValidationError("Bad luck.")

    @post_load
    def make(self, data):
        return data["number"]


class NameSchema(ma.Schema):
    name = ma.fields.String(data_key="theName")

    @ma.validates("name")
    def check_name(self, value):
        if value == "x":
            raise ma.ValidationError("Not x.")


def check():
    assert FormSchema().load({"number": " 5 "}) == 5
    assert FormSchema().validate({"number": "13"}) == {"_schema": ["Bad luck."]}
    assert NameSchema().validate({"theName": "x"}) == {"theName": ["Not x."]}
    assert NameSchema().load({"theName": "y"}) == {"name": "y"}
    NameSchema().check_name("y")
