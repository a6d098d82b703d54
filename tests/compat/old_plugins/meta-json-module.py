import marshmallow as ma


class ShoutingJSON:
    @staticmethod
    def dumps(obj, *args, **kwargs):
        return "SHOUT"


class FormSchema(ma.Schema):
    class Meta:
        json_module = ShoutingJSON


def check():
    assert FormSchema().dumps({}) == "SHOUT"
