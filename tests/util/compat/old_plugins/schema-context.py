import marshmallow as ma


class Prefixed(ma.fields.String):
    def _serialize(self, value, attr, obj, **kwargs):
        return self.context.get("prefix", "") + value


class Inner(ma.Schema):
    name = Prefixed()


class Outer(ma.Schema):
    name = ma.fields.Method("get_name")
    inner = ma.fields.Nested(Inner)
    inners = ma.fields.List(ma.fields.Nested(Inner))

    def get_name(self, obj):
        return self.context.get("prefix", "") + obj["name"]


def check():
    data = {"name": "a", "inner": {"name": "b"}, "inners": [{"name": "c"}]}
    assert Outer(context={"prefix": "-"}).dump(data) == {
        "name": "-a",
        "inner": {"name": "-b"},
        "inners": [{"name": "-c"}],
    }
    later = Inner()
    later.context["prefix"] = "+"
    assert later.dump({"name": "d"}) == {"name": "+d"}
    assert Inner().dump({"name": "e"}) == {"name": "e"}
