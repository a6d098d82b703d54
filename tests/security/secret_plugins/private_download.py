"""Stores a file of a server that asks for a token."""

import json

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView

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
    SecretField,
    SecurityBlueprint,
)
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.requests import get_mimetype, open_url
from qhana_plugin_runner.security.secrets import reveal
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("private-download", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Files behind a token.")


class PrivateDownload(QHAnaPluginBase):
    name = "private-download"
    version = "v1.0.0"
    description = "Stores a file of a server that asks for a token."
    tags = ["data-loading"]

    def get_api_blueprint(self):
        return BLP


class DownloadSchema(FrontendFormBaseSchema):
    url = FileUrl(required=True)
    token = SecretField(
        required=True,
        validate=ma.validate.Length(min=8),
        metadata={"label": "Access token", "description": "Sent to the server only."},
    )


@BLP.route("/")
class PluginView(MethodView):
    """What the plugin is."""

    @BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata of the plugin."""
        return PluginMetadata(
            title="Private download",
            description=PrivateDownload.description,
            name=PrivateDownload.name,
            version=PrivateDownload.version,
            type=PluginType.processing,
            entry_point=EntryPoint(
                href=url_for(f"{IDENTIFIER}.ProcessView"),
                ui_href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                data_output=[DataMetadata("*", ["*"], True)],
            ),
            tags=PrivateDownload.tags,
        )


@BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @BLP.html_response(200, description="The form.")
    def get(self):
        """The form of the plugin."""
        return self.render(request.args)

    @BLP.html_response(200, description="The form with validation errors.")
    def post(self):
        """The form, checked."""
        return self.render(request.form)

    def render(self, data):
        schema = DownloadSchema()
        return render_template(
            "simple_template.html",
            name=PrivateDownload.name,
            version=PrivateDownload.version,
            schema=schema,
            values=data,
            errors=schema.validate(data) if data else {},
            process=url_for(f"{IDENTIFIER}.ProcessView"),
        )


@BLP.route("/process/")
class ProcessView(MethodView):
    """The start of a task."""

    @BLP.arguments(DownloadSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303, description="The task.")
    def post(self, arguments):
        """Start a download."""
        task = ProcessingTask(download.name, parameters=json.dumps(arguments))
        task.save(commit=True)
        chain = download.s(db_id=task.id) | save_task_result.s(db_id=task.id)
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=task.id), 303)


@CELERY.task(name=f"{IDENTIFIER}.download", bind=True)
def download(self, db_id: int) -> str:
    """Fetch the file with the token and store it."""
    parameters = json.loads(ProcessingTask.get_by_id(db_id).parameters)
    headers = {"Authorization": f"Bearer {reveal(parameters['token'], db_id)}"}
    with open_url(parameters["url"], headers=headers) as response:
        kind = get_mimetype(response, "application/octet-stream")
        STORE.persist_task_result(db_id, response.content, "download", "any", kind)
    return "Stored the file."
