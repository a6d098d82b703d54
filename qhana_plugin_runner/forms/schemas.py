"""Schemas of forms and of the API: camelCase keys, and what browsers send for empty inputs."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask_babel import gettext
from marshmallow.validate import URL
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import FileStorage, MultiDict

from ..util import compat
from ..util.texts import is_encodable

compat.install()  # plugins import this module before they define their schemas


def camelcase(s: str) -> str:
    """Turn a name ``s`` in ``snake_case`` into ``camelCase``; others stay as they are.

    >>> camelcase("input_str"), camelcase("file-id")
    ('inputStr', 'file-id')
    """
    first, *rest = s.split("_")
    return first + "".join(part.title() for part in rest)


class MaBaseSchema(ma.Schema):
    """A schema whose JSON keys are the camelCase of its Python names.

    >>> class PersonSchema(MaBaseSchema):
    ...     full_name = ma.fields.String()
    >>> PersonSchema().load({"fullName": "Ada"})
    {'full_name': 'Ada'}
    """

    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field[Any]) -> None:
        field_obj.data_key = camelcase(field_obj.data_key or field_name)
        _allow_any_host(field_obj)

    @ma.pre_load
    def _read_form(self, data: Any, **_kwargs: Any) -> Any:
        return FormValues(data, self) if hasattr(data, "getlist") else data

    @ma.pre_load
    def _require_unicode(self, data: Any, **_kwargs: Any) -> Any:
        items = data.items() if isinstance(data, Mapping) else ()
        if wrong := [key for key, each in items if not _is_unicode([key, each])]:
            message = gettext(
                "This is not Unicode text: it has half of a surrogate pair."
            )
            raise ma.ValidationError({key: [message] for key in wrong})
        return data


def _is_unicode(data: Any) -> bool:
    """Whether no text in the data is one that JSON may hold, but no database, page or URL."""
    rest = [data]
    while rest:
        each = rest.pop()
        if isinstance(each, str):
            if not is_encodable(each):
                return False
        elif isinstance(each, (list, tuple)):
            rest.extend(each)
        elif isinstance(each, Mapping):
            rest.extend(each.keys())
            rest.extend(each.values())
    return True


_HAS_NO_EMPTY_TEXT = (
    ma.fields.Boolean,
    ma.fields.Date,
    ma.fields.DateTime,
    ma.fields.Email,
    ma.fields.Enum,
    ma.fields.IP,
    ma.fields.IPInterface,
    ma.fields.Number,
    ma.fields.Time,
    ma.fields.TimeDelta,
    ma.fields.Url,
    ma.fields.UUID,
)
"""Fields that have no value which is written as the empty text."""


def _none_if_empty(field: ma.fields.Field[Any] | None, value: Any) -> Any:
    """Return ``None`` for an input that was left empty, where the field may be ``None``."""
    if value == "" and isinstance(field, _HAS_NO_EMPTY_TEXT):
        if field.allow_none and not field.required:
            return None
    return value


def _is_empty_file(value: Any) -> bool:
    """Whether this is what browsers send for a file input in which nothing was chosen."""
    if not isinstance(value, FileStorage) or value.filename:
        return False
    content = value.stream.read(1)
    value.stream.seek(0)
    return not content


class FormValues(MultiDictProxy):
    """What a form has sent, as the fields of a schema want it.

    A MultiDict whose values are lists for fields of lists. What browsers send for inputs that
    were left empty is what it means: an empty list, no file, or ``None``. A list with an empty
    text among others keeps it where that is an element.

    Parameters:
        data: a MultiDict, or webargs' proxy of one.
        schema: the schema that will load it.
    """

    def __init__(self, data: Any, schema: ma.Schema) -> None:
        if isinstance(data, MultiDictProxy):
            data = data.data
        super().__init__(data, schema)
        self._fields = {
            field.data_key or name: field for name, field in schema.fields.items()
        }
        absent = [
            key
            for key in data.keys()
            if key not in self.multiple_keys and _is_empty_file(data.get(key))
        ]
        if absent:
            self.data = MultiDict(data)
            for key in absent:
                del self.data[key]

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        field = self._fields.get(key)
        if isinstance(field, ma.fields.List) and isinstance(value, list):
            value = [each for each in value if not _is_empty_file(each)]
            filled = [each for each in value if each != ""]
            is_filled = not filled or len(filled) == len(value)
            return filled if is_filled or _is_left_out(field) else value
        return _none_if_empty(field, value)


def _is_left_out(field: ma.fields.List[Any]) -> bool:
    """Whether an empty text in a list is an input that was left empty, not an element."""
    if field.metadata.get("options") or field.inner.metadata.get("options"):
        return True  # sent by forms beside what was selected
    try:
        return field.inner.deserialize("") is None
    except ma.ValidationError:
        return True


def _allow_any_host(field: ma.fields.Field[Any]) -> None:
    """Accept ``http://backend:9090/``: services in containers have no top-level domain."""
    for element in ("inner", "element_type"):  # of lists, and of lists in one text
        if isinstance(inner := getattr(field, element, None), ma.fields.Field):
            _allow_any_host(inner)
    if not isinstance(field, ma.fields.Url):
        return
    field.validators = [
        (
            type(validator)(
                relative=validator.relative,
                absolute=validator.absolute,
                schemes=validator.schemes,
                require_tld=False,
                error=validator.error,
            )
            if isinstance(validator, URL) and validator.require_tld
            else validator
        )
        for validator in field.validators
    ]


class FrontendFormBaseSchema(MaBaseSchema):
    """The schema of a micro frontend's form.

    Parameters:
        validate_errors_as_result: make :meth:`load` return the validation errors, as
            :meth:`validate` does, so that a view can render the form with them.
        kwargs: arguments of a marshmallow schema.

    >>> class PersonSchema(FrontendFormBaseSchema):
    ...     full_name = ma.fields.String(required=True)
    >>> PersonSchema(validate_errors_as_result=True).load({})
    {'fullName': ['Missing data for required field.']}

    An input that was left empty is ``None`` where its field may be that:

    >>> class SizeSchema(FrontendFormBaseSchema):
    ...     size = ma.fields.Integer(load_default=None)
    >>> SizeSchema().load({"size": ""})
    {'size': None}
    """

    @ma.pre_load
    def _read_texts(self, data: Any, **_kwargs: Any) -> Any:
        if not isinstance(data, Mapping) or isinstance(data, FormValues):
            return data
        fields = {field.data_key: field for field in self.fields.values()}
        return {key: _none_if_empty(fields.get(key), each) for key, each in data.items()}

    def __init__(self, *, validate_errors_as_result: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validate_errors_as_result = validate_errors_as_result

    def load(self, data: Any, **kwargs: Any) -> Any:
        if self.validate_errors_as_result:
            kwargs.pop("unknown", None)
            return self.validate(data, **kwargs)
        return super().load(data, **kwargs)
