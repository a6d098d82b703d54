"""Plugin metadata and the parts of a task status, as dataclasses and schemas."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar, TypedDict

import marshmallow as ma
from flask import has_request_context

from ..forms.fields import EnumField
from .form_schemas import schema_url
from .util import MaBaseSchema

__all__ = [
    "ApiLink",
    "ApiLinkSchema",
    "DataMetadata",
    "DataMetadataSchema",
    "EntryPoint",
    "EntryPointSchema",
    "InputDataMetadata",
    "InputDataMetadataSchema",
    "MaBaseSchema",
    "OutputDataMetadata",
    "OutputDataMetadataSchema",
    "PluginDependencyMetadata",
    "PluginDependencyMetadataSchema",
    "PluginMetadata",
    "PluginMetadataSchema",
    "PluginType",
    "ProgressMetadata",
    "ProgressMetadataSchema",
    "StepMetadata",
    "StepMetadataSchema",
    "WebhookParams",
    "WebhookParamsSchema",
]


class _NoNulls(MaBaseSchema):
    """Omits ``None``: clients expect absent members, never null."""

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """Write an object, see :meth:`marshmallow.Schema.dump`.

        What is defined in this module is written without marshmallow, three times as fast.
        """
        is_own = type(self).__module__ == type(obj).__module__ == __name__
        if not is_own or many or self.many:
            return super().dump(obj, many=many)
        return self._drop_nulls(
            {key: write(getattr(obj, name, None)) for name, key, write in self._writers}
        )

    @cached_property
    def _writers(self) -> list[tuple[str, str, Callable[[Any], Any]]]:
        """The attribute and the member of each field, and what writes its values."""
        fields = self.dump_fields.items()
        return [(name, each.data_key or name, _writer(each)) for name, each in fields]

    def _complete(self, data: dict[str, Any]) -> dict[str, Any]:
        return data

    @ma.post_dump
    def _drop_nulls(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        given = {key: value for key, value in data.items() if value is not None}
        return self._complete(given)


def _writer(field: ma.fields.Field[Any]) -> Callable[[Any], Any]:
    """Return a function that writes values of a field."""
    if type(field) is ma.fields.List:
        write = _writer(field.inner)
        return lambda values: values if values is None else [*map(write, values)]
    is_text = type(field) is ma.fields.String
    return lambda value: (
        value if is_text and type(value) is str else field._serialize(value, "", None)
    )


class _Loaded(_NoNulls):
    """Loads the dataclass that it writes."""

    dataclass: ClassVar[Callable[..., Any]]

    @ma.post_load
    def _make(self, data: dict[str, Any], **_kwargs: Any) -> Any:
        return self.dataclass(**data)


class PluginType(Enum):
    """What a plugin is for.

    Attributes:
        processing: Makes files from files or values: most plugins.
        visualization: Shows a file; hosts offer it as a preview, with ``?data-url=`` in the query.
        conversion: Makes the same data of another data type or content type.
        dataloader: Brings data in from elsewhere.
        interaction: Works in its page, together with people or with other plugins.
    """

    processing = "processing"
    visualization = "visualization"
    conversion = "conversion"
    dataloader = "dataloader"
    interaction = "interaction"


@dataclass
class ApiLink:
    """A link and its relation."""

    type: str
    href: str


@dataclass
class DataMetadata:
    """A kind of data.

    Attributes:
        data_type: such as ``entity/list``; ``*`` for any.
        content_type: the mime types.
    """

    data_type: str
    content_type: list[str]
    required: bool


@dataclass
class InputDataMetadata(DataMetadata):
    """A kind of data that a plugin takes, and the form field that takes it."""

    parameter: str


@dataclass
class OutputDataMetadata(DataMetadata):
    """A kind of data that a plugin produces."""

    name: str | None = None


@dataclass
class PluginDependencyMetadata:
    """A plugin that another plugin uses, chosen by the user in a form field."""

    parameter: str
    required: bool
    name: str | None = None
    version: str | None = None
    tags: list[str] | None = None
    type: PluginType | None = None


@dataclass
class EntryPoint:
    """The entry point of a plugin.

    Attributes:
        href: the processing endpoint; may be relative to the metadata's URL.
        ui_href: the micro frontend; likewise.
        schema_href: the JSON Schema of the form; the runner fills it in.
    """

    href: str
    ui_href: str
    data_input: list[InputDataMetadata] = field(default_factory=list)
    data_output: list[DataMetadata] = field(default_factory=list)
    plugin_dependencies: list[PluginDependencyMetadata] = field(default_factory=list)
    schema_href: str | None = None


@dataclass
class PluginMetadata:
    """The metadata of a plugin."""

    title: str
    description: str
    name: str
    version: str
    type: PluginType
    entry_point: EntryPoint
    tags: list[str] = field(default_factory=list)
    links: list[ApiLink] = field(default_factory=list)


@dataclass
class ProgressMetadata:
    """The progress of a task: ``value`` between ``start`` and ``target``."""

    value: float
    start: float = 0.0
    target: float = 100.0
    unit: str = "%"


@dataclass
class StepMetadata:
    """A step of a task, with its JSON names."""

    href: str
    uiHref: str  # noqa: N815
    stepId: str  # noqa: N815
    cleared: bool = False


class WebhookParams(TypedDict, total=False):
    """The query of a webhook call."""

    source: str
    event: str


class ApiLinkSchema(_Loaded):
    """Reads and writes :class:`ApiLink` as JSON."""

    dataclass = ApiLink

    type = ma.fields.String(
        required=True, metadata={"description": "The link's relation."}
    )
    href = ma.fields.String(required=True, metadata={"description": "The link's target."})


class DataMetadataSchema(_NoNulls):
    """Writes :class:`DataMetadata` as JSON."""

    data_type = ma.fields.String(required=True)
    content_type = ma.fields.List(ma.fields.String(), required=True)
    required = ma.fields.Boolean(required=True)


class InputDataMetadataSchema(DataMetadataSchema):
    """Writes :class:`InputDataMetadata` as JSON."""

    parameter = ma.fields.String(required=True)


class OutputDataMetadataSchema(DataMetadataSchema):
    """Writes :class:`OutputDataMetadata` as JSON."""

    name = ma.fields.String()


class PluginDependencyMetadataSchema(_NoNulls):
    """Writes :class:`PluginDependencyMetadata` as JSON."""

    parameter = ma.fields.String(required=True)
    type = EnumField(PluginType)
    tags = ma.fields.List(ma.fields.String())
    name = ma.fields.String()
    version = ma.fields.String()
    required = ma.fields.Boolean(required=True)


class EntryPointSchema(_Loaded):
    """Reads and writes :class:`EntryPoint` as JSON."""

    dataclass = EntryPoint

    href = ma.fields.String(required=True)
    ui_href = ma.fields.String(required=True)
    schema_href = ma.fields.String(
        metadata={"description": "The JSON Schema of the form that is sent to `href`."}
    )
    plugin_dependencies = ma.fields.List(
        ma.fields.Nested(PluginDependencyMetadataSchema())
    )
    data_input = ma.fields.List(ma.fields.Nested(InputDataMetadataSchema()))
    data_output = ma.fields.List(ma.fields.Nested(OutputDataMetadataSchema()))

    def _complete(self, data: dict[str, Any]) -> dict[str, Any]:
        if has_request_context() and not data.get("schemaHref"):
            if url := schema_url(str(data.get("href"))):
                data["schemaHref"] = url
        return data


class PluginMetadataSchema(_Loaded):
    """Reads and writes :class:`PluginMetadata` as JSON: a plugin's metadata view answers it."""

    dataclass = PluginMetadata

    title = ma.fields.String(required=True)
    description = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    version = ma.fields.String(required=True)
    type = EnumField(PluginType, required=True)
    tags = ma.fields.List(ma.fields.String())
    links = ma.fields.List(ma.fields.Nested(ApiLinkSchema()))
    entry_point = ma.fields.Nested(EntryPointSchema(), required=True)


class ProgressMetadataSchema(_NoNulls):
    """Writes :class:`ProgressMetadata` as JSON."""

    value = ma.fields.Float(required=True)
    start = ma.fields.Float()
    target = ma.fields.Float()
    unit = ma.fields.String()


class StepMetadataSchema(_NoNulls):
    """Writes :class:`StepMetadata` as JSON."""

    href = ma.fields.String(required=True)
    uiHref = ma.fields.String(required=True)  # noqa: N815
    stepId = ma.fields.String(required=True)  # noqa: N815
    cleared = ma.fields.Boolean()


class WebhookParamsSchema(MaBaseSchema):
    """The query of a webhook call, for plugins that receive one."""

    source = ma.fields.Url(required=True)
    event = ma.fields.String(load_default=None, allow_none=True)
