"""Blueprint, schemas and URL fields for plugins and for the runner's own endpoints."""

import http
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import wraps
from typing import Any

import marshmallow as ma
from flask import current_app
from flask_babel import gettext
from flask_jwt_extended import verify_jwt_in_request
from flask_smorest import Blueprint
from marshmallow.validate import URL
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import FileStorage, MultiDict

from ..forms.fields import DataUrlValidator, FileUrl, FileUrlValidator, PluginUrl
from ..util import compat
from ..util.texts import is_encodable

__all__ = [
    "DataUrlValidator",
    "FileUrl",
    "FileUrlValidator",
    "FormValues",
    "FrontendFormBaseSchema",
    "HtmlResponseMixin",
    "MaBaseSchema",
    "PluginUrl",
    "SecurityBlueprint",
    "camelcase",
]

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
        elif isinstance(each, Mapping):
            rest.extend(each.keys())
            rest.extend(each.values())
        elif isinstance(each, (list, tuple)):
            rest.extend(each)
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


class HtmlResponseMixin:
    """Documents views that answer with HTML."""

    def html_response(
        self,
        status_code: int | http.HTTPStatus,
        *,
        description: str | None = None,
        example: Any = None,
        examples: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        success: bool = True,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Document that a view returns HTML; the status is up to the view.

        Parameters:
            status_code: of the answer that is documented.
            description: for the API documentation; the name of the status by default.
            example: an example of the text, for the API documentation.
            examples: several of them, by name, as in OpenAPI.
            headers: the headers of the answer by name, as in OpenAPI.
            success: whether the status is that of the normal flow.
        """
        doc: dict[str, Any] = {
            "schema": {"type": "string"},
            "description": description or http.HTTPStatus(int(status_code)).phrase,
            "content_type": "text/html",
        }
        optional = {"example": example, "examples": examples, "headers": headers}
        doc.update({key: value for key, value in optional.items() if value is not None})

        def decorator(func: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(func)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                return current_app.ensure_sync(func)(*args, **kwargs)

            apidoc = wrapper._apidoc = deepcopy(getattr(func, "_apidoc", {}))  # type: ignore
            responses = apidoc.setdefault("response", {}).setdefault("responses", {})
            responses.setdefault(int(status_code), []).append(doc)
            if success:
                apidoc.setdefault("success_status_codes", []).append(int(status_code))
            return wrapper

        return decorator


class SecurityBlueprint(Blueprint, HtmlResponseMixin):
    """A flask-smorest blueprint with decorators for tokens and HTML.

    The decorators may be stacked in any order::

        BLP = SecurityBlueprint("my-plugin@v1-0-0", __name__, description="...")

        @BLP.route("/ui/")
        class MicroFrontend(MethodView):
            @BLP.html_response(200, description="The form.")
            @BLP.arguments(FormSchema(partial=True), location="query")
            @BLP.require_jwt("jwt", optional=True)
            def get(self, values): ...
    """

    def require_jwt(
        self,
        scheme: str | Mapping[str, Sequence[str]],
        *,
        fresh: bool = False,
        optional: bool = False,
        refresh_token: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate a view that wants a token.

        Parameters:
            scheme: the name of the security scheme in the API documentation (``"jwt"``).
            fresh: accept only a token that was made by logging in.
            optional: answer without a token too; a token that is there must be valid.
            refresh_token: want the refresh token instead of the access token.
        """
        security = [{scheme: []} if isinstance(scheme, str) else dict(scheme)]

        def decorator(func: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(func)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                verify_jwt_in_request(
                    fresh=fresh, refresh=refresh_token, optional=optional
                )
                return current_app.ensure_sync(func)(*args, **kwargs)

            apidoc = wrapper._apidoc = deepcopy(getattr(func, "_apidoc", {}))  # type: ignore
            documented = [*security, {}] if optional else security
            apidoc.setdefault("manual_doc", {}).setdefault("security", []).extend(
                documented
            )
            return wrapper

        return decorator

    def _prepare_arguments_doc(
        self, doc: dict[str, Any], doc_info: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        """Document a form and its files as one body: OpenAPI 3 knows no more than one."""
        parameters = doc_info.get("arguments", {}).get("parameters", [])
        bodies = [
            parameter
            for parameter in parameters
            if isinstance(parameter, Mapping)
            and parameter["in"] in self.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING
        ]
        if len(bodies) > 1:
            for body in bodies:
                parameters.remove(body)
            schemas = [body["schema"] for body in bodies]
            parameters.append(
                {"in": "files", "required": True, "schema": {"allOf": schemas}}
            )
        return super()._prepare_arguments_doc(doc, doc_info, **kwargs)
