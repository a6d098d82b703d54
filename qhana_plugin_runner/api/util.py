"""Blueprint, schemas and URL fields for plugins and for the runner's own endpoints."""

import http
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import marshmallow as ma
from flask import current_app
from flask_babel import gettext
from flask_jwt_extended import verify_jwt_in_request
from flask_smorest import Blueprint
from marshmallow.validate import URL
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import FileStorage, MultiDict

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


class FileUrlValidator(URL):
    """Accepts what :class:`marshmallow.validate.URL` does, and ``file:`` URLs of this host."""

    def __call__(self, value: str) -> str:
        if "file" in self.schemes and value.lower().startswith("file:"):
            parts = urlsplit(value)
            if parts.netloc.lower() in ("", "localhost") and parts.path.startswith("/"):
                return value
            raise ma.ValidationError(self._format_error(value))
        return super().__call__(value)


class DataUrlValidator(FileUrlValidator):
    """Accepts ``data:`` URLs too."""

    DATA_URL = re.compile(r"data:[^,]*,", re.IGNORECASE)

    def __call__(self, value: str) -> str:
        if value and self.DATA_URL.match(value):
            return value
        return super().__call__(value)


class EmptyIsNone(ma.fields.Field[Any]):
    """For fields that an empty form input leaves out: ``""`` is loaded as ``None``.

    Which is an error when the field is required, unless ``allow_none`` says otherwise.
    """

    def __init__(
        self, *, required: bool = False, allow_none: bool | None = None, **kwargs: Any
    ) -> None:
        if allow_none is None and not required:
            allow_none = True
        super().__init__(required=required, allow_none=allow_none, **kwargs)

    def deserialize(
        self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any
    ) -> Any:
        return super().deserialize(None if value == "" else value, attr, data, **kwargs)


class _NullableUrl(EmptyIsNone, ma.fields.Url):
    """A URL for which an empty form field means "none"."""

    def __init__(
        self, schemes: Sequence[str], relative: bool, require_tld: bool, **kwargs: Any
    ) -> None:
        super().__init__(
            relative=relative, schemes=set(schemes), require_tld=require_tld, **kwargs
        )
        validator = DataUrlValidator(
            relative=relative,
            schemes=set(schemes),
            require_tld=require_tld,
            error=str(self.error_messages["invalid"]),
        )
        self.validators = [
            validator if isinstance(known, URL) else known for known in self.validators
        ]


def _with(metadata: Mapping[str, Any] | None, **values: Any) -> dict[str, Any]:
    given = {key: value for key, value in values.items() if value is not None}
    return {**(metadata or {}), **given}


class FileUrl(_NullableUrl):
    """The URL of a data file: http(s), ftp(s), file or data. Empty text loads as ``None``.

    Parameters:
        relative: accept relative URLs too.
        schemes: the schemes that are accepted besides ``data``, in place of the others.
        require_tld: refuse host names without a top-level domain.
        data_input_type: the data type that is wanted, such as ``entity/list``.
        data_content_types: one mime type or a list of those that are understood.
        metadata: of the field, such as its ``label``.
        kwargs: arguments of a marshmallow field; unknown ones land in the metadata.
    """

    def __init__(
        self,
        *,
        relative: bool = False,
        schemes: Sequence[str] | None = None,
        require_tld: bool = False,
        data_input_type: str | None = None,
        data_content_types: str | Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        metadata = _with(
            metadata,
            data_input_type=data_input_type,
            data_content_types=data_content_types,
        )
        known, metadata = _split_keywords(kwargs, metadata)
        super().__init__(
            schemes or ("http", "https", "ftp", "ftps", "file"),
            relative,
            require_tld,
            metadata=metadata,
            **known,
        )


class PluginUrl(_NullableUrl):
    """The URL of a plugin. Empty text loads as ``None``.

    Parameters:
        relative: accept relative URLs too.
        schemes: the schemes that are accepted besides ``data``, in place of http(s) and
            ftp(s).
        require_tld: refuse host names without a top-level domain.
        plugin_tags: tags that the plugin must have (``!tag``: must not have).
        plugin_name: the plugin's name.
        plugin_version: the plugin's version.
        metadata: of the field, such as its ``label``.
        kwargs: arguments of a marshmallow field; unknown ones land in the metadata.
    """

    def __init__(
        self,
        *,
        relative: bool = False,
        schemes: Sequence[str] | None = None,
        require_tld: bool = False,
        plugin_tags: Sequence[str] | None = None,
        plugin_name: str | None = None,
        plugin_version: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        metadata = _with(
            metadata,
            plugin_tags=plugin_tags,
            plugin_name=plugin_name,
            plugin_version=plugin_version,
        )
        known, metadata = _split_keywords(kwargs, metadata)
        super().__init__(
            schemes or ("http", "https", "ftp", "ftps"),
            relative,
            require_tld,
            metadata=metadata,
            **known,
        )


_FIELD_KEYWORDS = frozenset(
    "load_default missing dump_default default data_key attribute validate required allow_none "
    "load_only dump_only error_messages".split()
)


def _split_keywords(
    kwargs: dict[str, Any], metadata: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the arguments of a field from others, which belong to the metadata."""
    known = {key: value for key, value in kwargs.items() if key in _FIELD_KEYWORDS}
    other = {key: value for key, value in kwargs.items() if key not in _FIELD_KEYWORDS}
    return known, {**other, **metadata}


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
