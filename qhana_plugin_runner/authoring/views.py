"""The endpoints of a plugin in the short form: those that one would write by hand."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView

from ..api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    PluginDependencyMetadata,
    PluginMetadata,
    PluginMetadataSchema,
)
from ..api.util import SecurityBlueprint
from ..db.models.tasks import ProcessingTask
from .annotations import Kind
from .outputs import describe_outputs

if TYPE_CHECKING:
    from .decorator import Plugin

__all__ = ["add_views"]


def add_views(blueprint: SecurityBlueprint, plugin: "Plugin[Any, Any]") -> None:
    """Add the metadata, the form and the start of a task to the blueprint of a plugin."""

    @blueprint.route("/")
    class MetadataView(MethodView):
        """What the plugin is and where it is started."""

        @blueprint.response(200, PluginMetadataSchema())
        def get(self) -> PluginMetadata:
            """The metadata of the plugin."""
            return metadata_of(plugin)

    @blueprint.route("/ui/")
    class MicroFrontend(MethodView):
        """The form."""

        @blueprint.html_response(200, description="The form, filled with the query.")
        def get(self) -> str:
            """The form of the plugin."""
            return self.render(request.args)

        @blueprint.html_response(200, description="The form with validation errors.")
        def post(self) -> str:
            """The form, checked."""
            return self.render(request.form)

        def render(self, data: Mapping[str, str]) -> str:
            process = url_for(f"{blueprint.name}.ProcessView")
            return render_form(plugin, plugin.schema(), data, process)

    @blueprint.route("/process/")
    class ProcessView(MethodView):
        """The start of a task."""

        @blueprint.arguments(plugin.schema(unknown=ma.EXCLUDE), location="form")
        @blueprint.response(303, description="The task.")
        def post(self, arguments: dict[str, Any]) -> Any:
            """Start a task."""
            task = ProcessingTask(
                task_name=plugin.celery_task.name,
                parameters=plugin.schema().dumps(arguments),
            )
            task.save(commit=True)
            plugin.start(task.id)
            return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


def metadata_of(plugin: "Plugin[Any, Any]") -> PluginMetadata:
    """Return what clients learn about a plugin."""
    about = plugin.about
    return PluginMetadata(
        title=about.title,
        description=about.description,
        name=about.name,
        version=about.version,
        type=about.type,
        entry_point=EntryPoint(
            href=url_for(f"{plugin.blueprint.name}.ProcessView"),
            ui_href=url_for(f"{plugin.blueprint.name}.MicroFrontend"),
            data_input=_inputs(plugin),
            data_output=[*describe_outputs(plugin.outputs)],
            plugin_dependencies=_dependencies(plugin),
        ),
        tags=about.tags,
    )


def _inputs(plugin: "Plugin[Any, Any]") -> list[InputDataMetadata]:
    return [
        InputDataMetadata(
            data_type=field.metadata.get("data_input_type", "*"),
            content_type=list(field.metadata.get("data_content_types", ["*"])),
            required=field.required,
            parameter=each.key,
        )
        for each in plugin.parameters
        if each.kind in (Kind.ENTITIES, Kind.FILE) and (field := each.element) is not None
    ]


def _dependencies(plugin: "Plugin[Any, Any]") -> list[PluginDependencyMetadata]:
    return [
        PluginDependencyMetadata(
            parameter=each.key,
            required=field.required,
            name=field.metadata.get("plugin_name"),
            version=field.metadata.get("plugin_version"),
            tags=list(field.metadata.get("plugin_tags", ())),
        )
        for each in plugin.parameters
        if each.kind is Kind.PLUGIN_URL and (field := each.element) is not None
    ]


def render_form(
    plugin: "Plugin[Any, Any]", schema: ma.Schema, data: Mapping[str, str], process: str
) -> str:
    """Render the form, filled with and checked against what was sent."""
    errors = schema.validate(data) if data else {}
    return render_template(
        "simple_template.html",
        name=plugin.about.name,
        version=plugin.about.version,
        schema=schema,
        values=data,
        errors=errors,
        valid=bool(data) and not errors,
        process=process,
        help_text=plugin.about.description,
    )
