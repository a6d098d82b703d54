"""Forms for schemas: what each field shows, offers and checks."""

from .attributes import Attributes
from .checks import get_input_attr_step, get_input_type, get_validation_attrs
from .choices import get_datalist_from_schema
from .description import Form, FormField, describe_form

__all__ = [
    "Attributes",
    "Form",
    "FormField",
    "describe_form",
    "get_datalist_from_schema",
    "get_input_attr_step",
    "get_input_type",
    "get_validation_attrs",
]
