import datetime

import marshmallow as ma


class FileSchema(ma.Schema):
    size = ma.fields.Integer()

    class Meta:
        additional = ("name", "created")


class ShortSchema(ma.Schema):
    class Meta:
        fields = ("name",)


def check():
    file = {"size": 1, "name": "a", "created": datetime.date(2024, 2, 29), "x": 0}
    dumped = {"size": 1, "name": "a", "created": "2024-02-29"}
    assert FileSchema().dump(file) == dumped
    assert ShortSchema().dump(file) == {"name": "a"}
