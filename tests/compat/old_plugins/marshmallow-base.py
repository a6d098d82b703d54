import marshmallow as ma
import marshmallow.base
from marshmallow.base import FieldABC, SchemaABC


def check():
    assert isinstance(ma.fields.String(), FieldABC)
    assert issubclass(ma.Schema, SchemaABC)
    assert marshmallow.base.FieldABC is FieldABC
