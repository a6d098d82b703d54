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


class ClassSchema(ma.Schema):
    number = ma.fields.Integer()

    @pre_load
    @post_load
    @staticmethod
    def strip(data, many, partial):
        return {key: str(value).strip() for key, value in data.items()}

    @ma.post_dump
    @classmethod
    def name(cls, data, many):
        return cls.__name__, data["number"]

    @validates_schema
    @classmethod
    def check_all(cls, data):
        if data["number"] == 13:
            raise ma.ValidationError(cls.__name__)


class NameSchema(ma.Schema):
    name = ma.fields.String(data_key="theName")

    @ma.validates("name")
    def check_name(self, value):
        if value == "x":
            raise ma.ValidationError("Not x.")


def check():
    assert FormSchema().load({"number": " 5 "}) == 5
    assert ClassSchema().load({"number": " 5 "}) == {"number": "5"}
    assert ClassSchema().validate({"number": " 13 "}) == {"_schema": ["ClassSchema"]}
    assert ClassSchema().dump({"number": 5}) == ("ClassSchema", 5)
    assert FormSchema().validate({"number": "13"}) == {"_schema": ["Bad luck."]}
    assert NameSchema().validate({"theName": "x"}) == {"theName": ["Not x."]}
    assert NameSchema().load({"theName": "y"}) == {"name": "y"}
    NameSchema().check_name("y")
