import marshmallow as ma


class Tree(ma.Schema):
    name = ma.fields.String()
    children = ma.fields.List(ma.fields.Nested("self", exclude=("ignored",)))
    parent = ma.fields.Pluck("self", "name")
    ignored = ma.fields.String()


def check():
    tree = {"name": "a", "children": [{"name": "b", "children": []}], "parent": "p"}
    assert Tree().load(tree) == {**tree, "parent": {"name": "p"}}
