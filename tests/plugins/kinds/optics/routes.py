from http import HTTPStatus

from celery import chain
from flask import Response, redirect, render_template, request, url_for
from flask.views import MethodView
from marshmallow import EXCLUDE

from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import save_task_error, save_task_result

from . import OPTICS_BLP, Optics
from .schemas import OpticsSchema
from .tasks import cluster


@OPTICS_BLP.route("/")
class MetadataView(MethodView):
    """The metadata of the plugin."""

    @OPTICS_BLP.require_jwt("jwt", optional=True)
    @OPTICS_BLP.response(HTTPStatus.OK, PluginMetadataSchema())
    def get(self):
        """Say what the plugin is."""
        return PluginMetadata(
            title="OPTICS",
            description=Optics.instance.description,
            name=Optics.instance.name,
            version=Optics.instance.version,
            type=PluginType.processing,
            entry_point=EntryPoint(
                href="./process/",
                ui_href="./ui/",
                data_input=[
                    InputDataMetadata("entity/vector", ["text/csv"], True, "pointsUrl")
                ],
            ),
            tags=Optics.instance.tags,
        )


@OPTICS_BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @OPTICS_BLP.arguments(
        OpticsSchema(partial=True, unknown=EXCLUDE, validate_errors_as_result=True),
        location="query",
        required=False,
    )
    @OPTICS_BLP.html_response(HTTPStatus.OK, description="The form.")
    def get(self, errors):
        """Show the form."""
        return self.render(request.args, errors)

    @OPTICS_BLP.html_response(HTTPStatus.OK, description="The form with its errors.")
    @OPTICS_BLP.arguments(
        OpticsSchema(partial=True, unknown=EXCLUDE, validate_errors_as_result=True),
        location="form",
        required=False,
    )
    def post(self, errors):
        """Show the form with its errors."""
        return self.render(request.form, errors)

    def render(self, data, errors):
        return Response(
            render_template(
                "kind_name.html",
                name=Optics.instance.name,
                version=Optics.instance.version,
                schema=OpticsSchema(),
                values=data,
                errors=errors,
                process=url_for(f"{OPTICS_BLP.name}.ProcessView"),
            )
        )


@OPTICS_BLP.route("/process/")
class ProcessView(MethodView):
    """The start of a task."""

    @OPTICS_BLP.response(HTTPStatus.SEE_OTHER)
    @OPTICS_BLP.arguments(OpticsSchema(unknown=EXCLUDE), location="form")
    def post(self, arguments):
        """Start."""
        task = ProcessingTask(task_name=cluster.name, parameters="{}")
        task.save(commit=True)
        work = chain(cluster.s(db_id=task.id), save_task_result.s(db_id=task.id))
        work.link_error(save_task_error.s(db_id=task.id))
        work.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)
