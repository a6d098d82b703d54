import marshmallow as ma
from marshmallow.decorators import post_dump


class ItemSchema(ma.Schema):
    number = ma.fields.Integer()

    @ma.pre_load(pass_many=True)
    def unwrap(self, data, many, **kwargs):
        return data["items"]

    @post_dump(pass_many=True)
    def wrap(self, data, many, **kwargs):
        return {"items": data}


def check():
    assert ItemSchema().load({"items": [{"number": 1}]}, many=True) == [{"number": 1}]
    assert ItemSchema(many=True).dump([{"number": 1}]) == {"items": [{"number": 1}]}
