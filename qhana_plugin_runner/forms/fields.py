"""Fields of forms beyond marshmallow's own: URLs of files and plugins, enums, lists, secrets."""

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from enum import Enum
from typing import Any, ClassVar
from urllib.parse import urlsplit

import marshmallow as ma
from marshmallow.validate import URL, OneOf

from ..util.redaction import MASK
from ..util.secret_references import is_reference, refer_to, stays


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


_FIELD_KEYWORDS = frozenset(
    "load_default missing dump_default default data_key attribute validate required allow_none "
    "load_only dump_only error_messages".split()
)


class _NullableUrl(EmptyIsNone, ma.fields.Url):
    """A URL for which an empty form field means "none"; ``data:`` URLs are accepted, too.

    Args:
        relative: Whether to accept relative URLs, too.
        schemes: The accepted schemes; ``None`` for those of the class.
        require_tld: Whether to refuse host names without a top-level domain.
        metadata: The metadata of the field.
        kwargs: Arguments of a marshmallow field; unknown ones are added to the metadata.
    """

    SCHEMES: ClassVar[tuple[str, ...]] = ("http", "https", "ftp", "ftps")
    WANTED: ClassVar[tuple[str, ...]] = ()
    """Arguments that are added to the metadata, where they are not ``None``."""

    def __init__(
        self,
        *,
        relative: bool = False,
        schemes: Sequence[str] | None = None,
        require_tld: bool = False,
        metadata: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        known = {key: kwargs.pop(key) for key in _FIELD_KEYWORDS & kwargs.keys()}
        wanted = {key: kwargs.pop(key, None) for key in self.WANTED}
        given = {key: value for key, value in wanted.items() if value is not None}
        url: dict[str, Any] = {
            "relative": relative,
            "schemes": set(schemes or self.SCHEMES),
            "require_tld": require_tld,
        }
        super().__init__(metadata={**kwargs, **(metadata or {}), **given}, **url, **known)
        validator = DataUrlValidator(error=str(self.error_messages["invalid"]), **url)
        self.validators = [
            validator if isinstance(each, URL) else each for each in self.validators
        ]


class FileUrl(_NullableUrl):
    """The URL of a data file: http(s), ftp(s), file or data. Empty text loads as ``None``.

    Args:
        relative: Whether to accept relative URLs, too.
        schemes: The accepted schemes besides ``data``, instead of the others.
        require_tld: Whether to refuse host names without a top-level domain.
        data_input_type: The wanted data type, such as ``entity/list``.
        data_content_types: One mime type or a list of those that are understood.
        kwargs: Arguments of a marshmallow field, such as ``metadata``; unknown ones are added to
            the metadata.
    """

    SCHEMES = ("http", "https", "ftp", "ftps", "file")
    WANTED = ("data_input_type", "data_content_types")


class PluginUrl(_NullableUrl):
    """The URL of a plugin: http(s), ftp(s) or data. Empty text loads as ``None``.

    Args:
        relative: Whether to accept relative URLs, too.
        schemes: The accepted schemes besides ``data``, instead of the others.
        require_tld: Whether to refuse host names without a top-level domain.
        plugin_tags: Tags that the plugin must have (``!tag``: must not have).
        plugin_name: The plugin's name.
        plugin_version: The plugin's version.
        kwargs: As for :class:`FileUrl`.
    """

    WANTED = ("plugin_tags", "plugin_name", "plugin_version")


class OneOfEnum(OneOf):
    """Accepts the members of an enum, given as members, or by name or value.

    Args:
        enum: The enum class.
        choices: The allowed members, or the texts for them; all members by default. With the
            empty text ``None`` is accepted, too.
        labels: The names of the choices in error messages and documentation.
        error: A message instead of marshmallow's, as in :class:`marshmallow.validate.OneOf`.
        use_value: Whether choices are given by their value instead of their name.

    >>> class Color(Enum):
    ...     red = "#f00"
    >>> OneOfEnum(Color)("red"), OneOfEnum(Color, use_value=True)("#f00")
    ('red', '#f00')
    """

    def __init__(
        self,
        enum: type[Enum],
        choices: Iterable[Enum | str] | None = None,
        labels: Iterable[str] | None = None,
        *,
        error: str | None = None,
        use_value: bool = False,
    ) -> None:
        members = list(enum if choices is None else choices)
        self.enum = enum
        self.use_value = use_value
        keys = [self._key(member) for member in members]
        super().__init__(
            choices=keys, labels=None if labels is None else list(labels), error=error
        )

    def __call__(self, value: Any) -> Any:
        super().__call__("" if value is None else self._key(value))
        return value

    def _key(self, value: Any) -> Any:
        if isinstance(value, self.enum):
            return value.value if self.use_value else value.name
        return value


class EnumField(EmptyIsNone):
    """A choice out of the members of an enum.

    Loads a member by its name, serializes to the name; the empty text loads as ``None``. The
    form shows the ``options`` of the metadata, name -> label, and starts with the first one.

    Args:
        enum_type: The enum class.
        use_value: Whether to load members by value (names are still accepted).
        metadata: May hold labels: ``{"options": {"name": "label"}}``. With a label for the
            empty text the form offers this first, and it loads as ``None`` even where the
            field is required.
        kwargs: Arguments of a marshmallow field.

    >>> class Color(Enum):
    ...     red = "#f00"
    >>> EnumField(Color).deserialize("red")
    <Color.red: '#f00'>
    """

    default_error_messages = {"unknown": "Must be one of: {choices}."}

    def __init__(
        self,
        enum_type: type[Enum],
        use_value: bool = False,
        *,
        metadata: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.enum_type = enum_type
        self.use_value = use_value
        metadata = dict(metadata or {})
        metadata.setdefault("input_type", "select")
        labels: Mapping[Any, str] = metadata.get("options") or {}
        self.has_blank = "" in labels
        options = {"": labels[""]} if self.has_blank else {}
        for member in enum_type:
            fallback = member.value if isinstance(member.value, str) else member.name
            options[member.name] = labels.get(member.name, labels.get(member, fallback))
        metadata["options"] = options
        metadata.setdefault("enum", [member.name for member in enum_type])
        super().__init__(metadata=metadata, **kwargs)

    def deserialize(
        self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any
    ) -> Any:
        if value == "" and self.has_blank:
            return None
        return super().deserialize(value, attr, data, **kwargs)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value.name if isinstance(value, self.enum_type) else value

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, self.enum_type):
            return value
        if self.use_value:
            for member in self.enum_type:
                # Forms send text whatever the type of the value is.
                if member.value == value or str(member.value) == str(value):
                    return member
        member_by_name = self.enum_type.__members__.get(str(value))
        if member_by_name is None:
            raise self.make_error(
                "unknown", choices=", ".join(self.enum_type.__members__)
            )
        return member_by_name


class SecretField(EmptyIsNone, ma.fields.String):
    """A password, a token or another secret, which only the task that is started may read.

    Loads as a reference, which may be stored and sent; the secret is for
    :func:`~qhana_plugin_runner.security.secrets.reveal`.
    The ``validate`` argument checks the secret, all else sees the reference. Forms never show it.

    Args:
        metadata: The metadata of the field.
        kwargs: Arguments of a marshmallow field.

    Raises:
        ValueError: there is a default, which would be a secret for everybody to read.
    """

    def __init__(
        self, *, metadata: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        kind = {"private": True, "format": "password", "writeOnly": True}
        super().__init__(metadata={**kind, **(metadata or {})}, **kwargs)
        if self.load_default not in (ma.missing, None):
            raise ValueError("a secret has no load_default but None")

    def deserialize(
        self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any
    ) -> Any:
        if stays(value):
            return value
        secret = super().deserialize(value, attr, data, **kwargs)
        return refer_to(secret) if isinstance(secret, str) else secret

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return value if value is None or is_reference(value) else MASK


class CSVList(ma.fields.Field[list[Any]]):
    """A list in one text, its elements separated by commas.

    Args:
        element_type: The field, or its class, that loads and serializes each element.
        kwargs: Arguments of a marshmallow field.

    >>> CSVList(ma.fields.Integer).deserialize("1,2")
    [1, 2]
    """

    default_error_messages = {"invalid": "Not a text with elements separated by commas."}

    def __init__(
        self,
        element_type: ma.fields.Field[Any] | type[ma.fields.Field[Any]],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.element_type = (
            element_type() if isinstance(element_type, type) else element_type
        )

    def _bind_to_schema(self, field_name: str, parent: Any) -> None:
        super()._bind_to_schema(field_name, parent)
        # A copy, for the element belongs to each of the schema's objects, as this field does.
        self.element_type = deepcopy(self.element_type)
        self.element_type._bind_to_schema(field_name, self)

    def _serialize(
        self, value: Any, attr: str | None, obj: Any, **kwargs: Any
    ) -> str | None:
        if value is None:
            return None
        serialize = self.element_type._serialize
        elements = [serialize(element, attr, obj, **kwargs) for element in value]
        return ",".join(str(element) for element in elements)

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> list[Any]:
        if isinstance(value, (list, tuple)):
            elements = list(value)
        elif isinstance(value, str):
            elements = (
                [element.strip() for element in value.split(",")] if value.strip() else []
            )
        else:
            raise self.make_error("invalid")
        loaded, errors = [], {}
        for index, element in enumerate(elements):
            try:
                loaded.append(
                    self.element_type.deserialize(element, attr, data, **kwargs)
                )
            except ma.ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ma.ValidationError(errors)
        return loaded
