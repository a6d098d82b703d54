"""Turns an uploaded file into an output that other plugins can read."""

import re

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView
from flask_smorest.fields import Upload

from qhana_plugin_runner.api.plugin_schemas import (
    DataMetadata,
    EntryPoint,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.content_types import (
    ANYTHING,
    CONTENT_TYPE,
    content_type_of,
)
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME, VERSION = "file-upload", "v1.0.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)

UPLOAD_BLP = SecurityBlueprint(
    IDENTIFIER, __name__, description="Files from your computer."
)


class FileUpload(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = "Makes a file from your computer available to other plugins."
    tags = ["data-loading", "demo"]

    def get_api_blueprint(self):
        return UPLOAD_BLP


class FileSchema(FrontendFormBaseSchema):
    file = Upload(required=True, metadata={"label": "File", "description": "Any file."})


class TypeSchema(FrontendFormBaseSchema):
    data_type = ma.fields.String(
        load_default="entity/list",
        validate=ma.validate.Length(min=1, max=255),
        metadata={
            "label": "Data type",
            "description": "What the file contains; plugins use it to find files.",
            "input_type": "text_with_datalist",
            "datalist": [
                "entity/list",
                "entity/numeric",
                "entity/attribute-metadata",
                "*",
            ],
        },
    )
    content_type = ma.fields.String(
        load_default="",
        validate=[
            ma.validate.Length(max=255),
            ma.validate.Regexp(
                rf"({CONTENT_TYPE})?\Z", re.ASCII, error="Not a mime type."
            ),
        ],
        metadata={
            "label": "Content type",
            "description": "The MIME type, such as `text/csv`. Leave it empty to guess.",
        },
    )


class UploadSchema(FileSchema, TypeSchema):
    """All fields of the form."""


@UPLOAD_BLP.route("/")
class MetadataView(MethodView):
    """What the plugin is and where it is started."""

    @UPLOAD_BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata of the plugin."""
        return PluginMetadata(
            title="File upload",
            description=FileUpload.description,
            name=NAME,
            version=VERSION,
            type=PluginType.dataloader,
            entry_point=EntryPoint(
                href=url_for(f"{IDENTIFIER}.ProcessView"),
                ui_href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                data_output=[
                    DataMetadata(data_type="*", content_type=["*"], required=True)
                ],
            ),
            tags=FileUpload.tags,
        )


@UPLOAD_BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @UPLOAD_BLP.html_response(200, description="The form, filled with the query.")
    def get(self):
        """The form of the plugin."""
        return self.render(request.args, errors={})

    @UPLOAD_BLP.html_response(200, description="The form with validation errors.")
    def post(self):
        """The form, checked."""
        return self.render(request.form, errors=TypeSchema().validate(request.form))

    def render(self, data, errors):
        return render_template(
            "simple_template.html",
            name=NAME,
            version=VERSION,
            schema=UploadSchema(),
            values={"dataType": "entity/list", **data.to_dict()},
            errors=errors,
            process=url_for(f"{IDENTIFIER}.ProcessView"),
        )


@UPLOAD_BLP.route("/process/")
class ProcessView(MethodView):
    """The upload."""

    @UPLOAD_BLP.arguments(FileSchema(unknown=ma.EXCLUDE), location="files")
    @UPLOAD_BLP.arguments(TypeSchema(unknown=ma.EXCLUDE), location="form")
    @UPLOAD_BLP.response(303, description="The task.")
    def post(self, files, types):
        """Upload a file."""
        file = files["file"]
        content_type = content_type_of(types["content_type"]) or content_type_of(
            file.content_type, file.filename
        )
        task = ProcessingTask(task_name=save_task_result.name, parameters=file.filename)
        task.save(commit=True)
        output = STORE.persist_task_result(
            task.id,
            file.stream,
            file.filename or "file",
            types["data_type"],
            content_type or ANYTHING,
        )
        done = save_task_result.s(task_log=f"Uploaded {output.file_name}.", db_id=task.id)
        done.link_error(save_task_error.s(db_id=task.id))
        done.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)
