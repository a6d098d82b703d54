import marshmallow as ma


class FormSchema(ma.Schema):
    values = ma.fields.List(ma.fields.Boolean())


def check():
    values = ["on", "off", "maybe", 0, [], {}, None, True]
    dumped = [True, False, True, False, False, False, None, True]
    assert FormSchema().dump({"values": values}) == {"values": dumped}
