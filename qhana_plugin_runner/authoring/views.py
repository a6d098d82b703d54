"""The endpoints of a plugin in the short form: those that one would write by hand."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView
from flask_smorest import abort

from ..api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    PluginDependencyMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from ..api.util import SecurityBlueprint
from ..db.models.tasks import ProcessingTask
from .annotations import Kind
from .outputs import describe_outputs
from .showing import is_shown, render_view
from .steps import Step, kept_of

if TYPE_CHECKING:
    from .decorator import Plugin


def add_views(blueprint: SecurityBlueprint, plugin: "Plugin[Any, Any]") -> None:
    """Add the metadata, the form and the start of a task to the blueprint of a plugin."""
    is_view = is_shown(plugin)

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
            if is_view:
                return render_view(plugin, data, process)
            return render_form(
                plugin.schema(),
                data,
                process,
                name=plugin.about.name,
                version=plugin.about.version,
                help_text=plugin.about.description,
            )

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
        type=PluginType(about.type),
        entry_point=EntryPoint(
            href=url_for(f"{plugin.blueprint.name}.ProcessView"),
            ui_href=url_for(f"{plugin.blueprint.name}.MicroFrontend"),
            data_input=_inputs(plugin),
            data_output=[*describe_outputs(plugin.outputs)],
            plugin_dependencies=_dependencies(plugin),
        ),
        tags=list(about.tags),
    )


def _inputs(plugin: "Plugin[Any, Any]") -> list[InputDataMetadata]:
    return [
        InputDataMetadata(
            data_type=data_type,
            content_type=list(field.metadata.get("data_content_types", ["*"])),
            required=each.is_required,
            parameter=each.key,
        )
        for each in plugin.parameters
        if each.kind in (Kind.ENTITIES, Kind.FILE) and (field := each.element) is not None
        for data_type in field.metadata.get(
            "data_input_types", [field.metadata.get("data_input_type", "*")]
        )
    ]


def _dependencies(plugin: "Plugin[Any, Any]") -> list[PluginDependencyMetadata]:
    return [
        PluginDependencyMetadata(
            parameter=each.key,
            required=each.is_required,
            name=field.metadata.get("plugin_name"),
            version=field.metadata.get("plugin_version"),
            tags=list(field.metadata.get("plugin_tags", ())),
        )
        for each in plugin.parameters
        if each.kind is Kind.PLUGIN_URL and (field := each.element) is not None
    ]


def add_step_views(blueprint: SecurityBlueprint, step: Step[Any, Any]) -> None:
    """Add the form of a step, and what takes the answers, to the blueprint of its plugin."""
    ui_endpoint, process_endpoint = step.endpoints

    @blueprint.route(f"/<int:db_id>/{step.path}-ui/", endpoint=ui_endpoint)
    class StepFrontend(MethodView):
        """The form of the step."""

        @blueprint.html_response(200, description="The form of the step.")
        def get(self, db_id: int) -> str:
            """The form of the step."""
            row = _waiting_task(step, db_id)
            return self.render(row, request.args, kept_of(row)["asked"]["values"])

        @blueprint.html_response(200, description="The form with validation errors.")
        def post(self, db_id: int) -> str:
            """The form of the step, checked."""
            return self.render(_waiting_task(step, db_id), request.form)

        def render(
            self,
            row: ProcessingTask,
            data: Mapping[str, Any],
            preset: Mapping[str, Any] = MappingProxyType({}),
        ) -> str:
            process = url_for(f"{blueprint.name}.{process_endpoint}", db_id=row.id)
            return render_form(
                step.asked_schema(row),
                data,
                process,
                preset,
                name=step.title,
                version=step.plugin.about.version,
                help_text=step.help_text,
                shown_text=kept_of(row)["asked"].get("text", ""),
            )

    @blueprint.route(f"/<int:db_id>/{step.path}-process/", endpoint=process_endpoint)
    class StepProcessView(MethodView):
        """The way on from the step."""

        @blueprint.arguments(step.schema(unknown=ma.EXCLUDE), location="form")
        @blueprint.response(303, description="The task.")
        def post(self, arguments: dict[str, Any], db_id: int) -> Any:
            """Go on with the task."""
            row = _waiting_task(step, db_id)
            if errors := step.wrong_choices(row, request.form):
                abort(422, errors={"form": errors})
            if not step.answer(row, {**arguments, **step.shown(row, request.form)}):
                _abort_not_waiting()
            return redirect(url_for("tasks-api.TaskView", task_id=str(db_id)), 303)


def _waiting_task(step: Step[Any, Any], db_id: int) -> ProcessingTask:
    """Return the task if it waits for this step; otherwise answer with an error."""
    task = ProcessingTask.get_by_id(db_id)
    if task is None or task.task_name != step.plugin.celery_task.name:
        abort(404, message="There is no such task of this plugin.")
    if not step.is_open(task):
        _abort_not_waiting()
    return task


def _abort_not_waiting() -> NoReturn:
    abort(409, message="The task does not wait for this step.")


def render_form(
    schema: ma.Schema,
    data: Mapping[str, Any],
    process: str,
    preset: Mapping[str, Any] = MappingProxyType({}),
    **page: str,
) -> str:
    """Render a form, filled with what was sent, which is checked; and else with what is preset."""
    errors = schema.validate(data) if data else {}
    return render_template(
        "simple_template.html",
        schema=schema,
        values=data or preset,
        errors=errors,
        valid=request.method == "POST" and bool(data) and not errors,
        process=process,
        **page,
    )
