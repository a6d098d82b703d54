"""A plugin with fields of many kinds, which ends as it is told; and a second version of it."""

import json
from enum import Enum

import marshmallow as ma
from flask import redirect, url_for
from flask.views import MethodView
from flask_smorest.fields import Upload

from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import (
    FileUrl,
    FrontendFormBaseSchema,
    PluginUrl,
    SecurityBlueprint,
)
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.forms.fields import CSVList, EnumField
from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier


class Color(Enum):
    RED = "the first"
    GREEN = "the second"


class EchoSchema(FrontendFormBaseSchema):
    text = ma.fields.String(load_default="nothing")
    count = ma.fields.Integer(load_default=3, allow_none=True)
    share = ma.fields.Float(validate=ma.validate.Range(0, 1))
    flag = ma.fields.Boolean()
    day = ma.fields.Date()
    color = EnumField(Color)
    weights = ma.fields.List(ma.fields.Float())
    names = CSVList(ma.fields.String())
    file_url = FileUrl(data_input_type="entity/list", data_content_types="text/csv")
    plugin_url = PluginUrl()
    fail = ma.fields.Boolean(load_default=False)
    idle = ma.fields.Boolean(load_default=False)  # the task then waits for nothing


class EchoFileSchema(FrontendFormBaseSchema):
    file = Upload()


@CELERY.task(name="echoes.work", bind=True)
def work(self, db_id):
    arguments = json.loads(ProcessingTask.get_by_id(db_id).parameters)
    if arguments["fail"]:
        raise ValueError("it was told to fail")
    if url := arguments.get("fileUrl"):
        with open_url(url) as response:
            arguments["content"] = response.text
            arguments["type"] = response.headers["Content-Type"]
    text = json.dumps(arguments)
    STORE.persist_task_result(db_id, text, "echo.json", "custom/echo", "application/json")
    return "Echoed."


def make_plugin(version):
    identifier = plugin_identifier("echoes", version)
    blp = SecurityBlueprint(identifier, __name__, description="Echoes.")

    @blp.route("/")
    class MetadataView(MethodView):
        @blp.response(200, PluginMetadataSchema())
        def get(self):
            """The metadata."""
            return PluginMetadata(
                title="Echoes",
                description="Echoes its inputs.",
                name="echoes",
                version=version,
                type=PluginType.processing,
                entry_point=EntryPoint(
                    href="./process/",  # relative to the metadata
                    ui_href="./ui/",
                    data_input=[
                        InputDataMetadata("entity/list", ["text/csv"], False, "fileUrl")
                    ],
                ),
            )

    @blp.route("/process/")
    class ProcessView(MethodView):
        @blp.arguments(EchoFileSchema(unknown=ma.EXCLUDE), location="files")
        @blp.arguments(EchoSchema(unknown=ma.EXCLUDE), location="form")
        @blp.response(303)
        def post(self, files, arguments):
            """Echo."""
            sent = EchoSchema().dump(arguments)
            if "file" in files:
                sent["file"] = files["file"].read().decode()
                sent["filename"] = files["file"].filename
            task = ProcessingTask(work.name, parameters=json.dumps(sent))
            task.save(commit=True)
            chain = work.s(db_id=task.id) | save_task_result.s(db_id=task.id)
            chain.link_error(save_task_error.s(db_id=task.id))
            if not arguments["idle"]:
                chain.apply_async()
            return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)

    return type(
        f"Echoes_{version}",
        (QHAnaPluginBase,),
        {
            "name": "echoes",
            "version": version,
            "description": "Echoes its inputs.",
            "tags": ["test"],
            "get_api_blueprint": lambda self: blp,
            "__module__": __name__,
        },
    )


V9, V10 = make_plugin("v0.9.0"), make_plugin("v0.10.0")
