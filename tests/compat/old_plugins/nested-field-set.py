import marshmallow as ma


class Inner(ma.Schema):
    a = ma.fields.Integer()
    b = ma.fields.Integer()


class Outer(ma.Schema):
    without = ma.fields.Nested(Inner, exclude={"a"})
    inner = ma.fields.Nested(Inner, only={"a": 1}.keys())


def check():
    both = {"a": 1, "b": 2}
    assert Outer().dump({"inner": both, "without": both}) == {
        "inner": {"a": 1},
        "without": {"b": 2},
    }
