"""A single file written for marshmallow 3; its blueprint comes before its class."""

import json

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView
from marshmallow import EXCLUDE

from qhana_plugin_runner.api.plugin_schemas import (
    DataMetadata,
    EntryPoint,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import (
    FileUrl,
    FrontendFormBaseSchema,
    SecurityBlueprint,
)
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

_plugin_name = "kind-name"
__version__ = "v0.2.1"
_identifier = plugin_identifier(_plugin_name, __version__)

ENCODING_BLP = SecurityBlueprint(_identifier, __name__, description="One-hot encoding.")


class EncodingParametersSchema(FrontendFormBaseSchema):
    entities_url = FileUrl(
        required=True,
        allow_none=False,
        load_only=True,
        data_input_type="entity/list",
        data_content_types=["application/json", "text/csv"],
        metadata={"label": "Entities", "description": "URL of a file of entities."},
    )
    attributes = ma.fields.String(
        required=False, missing="", load_missing="", metadata={"input_type": "textarea"}
    )
    dimensions = ma.fields.Integer(
        missing=2, allow_None=True, description="How many.", metadata={"label": "Size"}
    )

    class Meta:
        ordered = True


@ENCODING_BLP.route("/")
class PluginsView(MethodView):
    """The metadata of the plugin."""

    @ENCODING_BLP.response(200, PluginMetadataSchema)
    @ENCODING_BLP.require_jwt("jwt", optional=True)
    def get(self):
        """Say what the plugin is."""
        return PluginMetadata(
            title="One-hot encoding",
            description=Encoding.instance.description,
            name=Encoding.instance.name,
            version=Encoding.instance.version,
            type=PluginType.processing,
            entry_point=EntryPoint(
                href=url_for(f"{ENCODING_BLP.name}.ProcessView"),
                ui_href=url_for(f"{ENCODING_BLP.name}.MicroFrontend"),
                data_output=[DataMetadata("entity/vector", ["text/csv"], True)],
            ),
            tags=Encoding.instance.tags,
        )


@ENCODING_BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @ENCODING_BLP.html_response(200, description="The form.")
    @ENCODING_BLP.arguments(
        EncodingParametersSchema(
            partial=True, unknown=EXCLUDE, validate_errors_as_result=True
        ),
        location="query",
        required=False,
    )
    def get(self, errors):
        """Show the form."""
        return render_template(
            "simple_template.html",
            name=_plugin_name,
            version=__version__,
            schema=EncodingParametersSchema(),
            values=request.args,
            errors=errors,
            process=url_for(f"{ENCODING_BLP.name}.ProcessView"),
        )


@ENCODING_BLP.route("/process/")
class ProcessView(MethodView):
    """The start of a task."""

    @ENCODING_BLP.arguments(EncodingParametersSchema(unknown=EXCLUDE), location="form")
    @ENCODING_BLP.response(303)
    def post(self, arguments):
        """Start."""
        task = ProcessingTask(task_name=encode.name, parameters=json.dumps(arguments))
        task.save(commit=True)
        chain = encode.s(db_id=task.id) | save_task_result.s(db_id=task.id)
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


class Encoding(QHAnaPluginBase):
    name = _plugin_name
    version = __version__
    description = "One-hot encoding."
    tags = ["encoding"]

    def get_api_blueprint(self):
        return ENCODING_BLP

    def get_requirements(self):
        return "numpy~=1.26"


@CELERY.task(name=f"{Encoding.instance.identifier}.encode", bind=True)
def encode(self, db_id: int) -> str:
    return json.loads(ProcessingTask.get_by_id(db_id).parameters)["entities_url"]
