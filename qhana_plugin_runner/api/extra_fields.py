"""Marshmallow fields that plugins use beyond marshmallow's own."""

from ..forms.fields import CSVList, EnumField, OneOfEnum
from .util import MaBaseSchema  # noqa: F401  (prepares marshmallow for old plugins)

__all__ = ["CSVList", "EnumField", "OneOfEnum"]
