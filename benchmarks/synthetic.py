"""Plugins that are made for a benchmark: each has metadata, a form of five fields and a task."""

from pathlib import Path

_SOURCE = """
import time
from enum import Enum

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView

from qhana_plugin_runner.api.plugin_schemas import (
    DataMetadata, EntryPoint, PluginMetadata, PluginMetadataSchema, PluginType,
)
from qhana_plugin_runner.api.extra_fields import EnumField
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME, VERSION = "bench-NUMBER", "v1.0.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)
BLP = SecurityBlueprint(IDENTIFIER, __name__, description="A synthetic plugin.")


class Plugin(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = "A plugin that was made for a benchmark."
    tags = ["benchmark", "synthetic"]

    def get_api_blueprint(self):
        return BLP


class Method(Enum):
    FAST = "fast"
    GOOD = "good"


class ParametersSchema(FrontendFormBaseSchema):
    title = ma.fields.String(
        required=True, metadata={"label": "Title", "description": "A name."}
    )
    seconds = ma.fields.Float(
        required=True, validate=ma.validate.Range(min=0),
        metadata={"label": "Seconds", "description": "How long it takes."},
    )
    count = ma.fields.Integer(
        load_default=1, metadata={"label": "Count", "description": "How often."}
    )
    method = EnumField(
        Method, metadata={"label": "Method", "options": {"FAST": "Fast", "GOOD": "Good"}}
    )
    strict = ma.fields.Boolean(
        load_default=False, metadata={"label": "Strict", "description": "Be strict."}
    )


@BLP.route("/")
class MetadataView(MethodView):
    @BLP.response(200, PluginMetadataSchema())
    def get(self):
        return PluginMetadata(
            title="Benchmark NUMBER",
            description=Plugin.description,
            name=NAME,
            version=VERSION,
            type=PluginType.processing,
            entry_point=EntryPoint(
                href=url_for(f"{IDENTIFIER}.ProcessView"),
                ui_href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                data_output=[
                    DataMetadata(
                        data_type="custom/benchmark", content_type=["text/plain"],
                        required=True,
                    )
                ],
            ),
            tags=Plugin.tags,
        )


@BLP.route("/ui/")
class MicroFrontend(MethodView):
    @BLP.html_response(200, description="The form.")
    def get(self):
        schema = ParametersSchema()
        errors = schema.validate(request.args) if request.args else {}
        return render_template(
            "simple_template.html",
            name=NAME,
            version=VERSION,
            schema=schema,
            values=request.args,
            errors=errors,
            valid=bool(request.args) and not errors,
            process=url_for(f"{IDENTIFIER}.ProcessView"),
            help_text="It sleeps.",
            example_values=url_for(f"{IDENTIFIER}.MicroFrontend", title="x", seconds=1),
        )


@BLP.route("/process/")
class ProcessView(MethodView):
    @BLP.arguments(ParametersSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303)
    def post(self, arguments):
        task = ProcessingTask(
            task_name=sleep.name, parameters=ParametersSchema().dumps(arguments)
        )
        task.save(commit=True)
        chain = sleep.s(db_id=task.id) | save_task_result.s(db_id=task.id)
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@CELERY.task(name=f"{IDENTIFIER}.sleep", bind=True)
def sleep(self, db_id: int) -> str:
    task = ProcessingTask.get_by_id(db_id)
    time.sleep(ParametersSchema().loads(task.parameters)["seconds"])
    return "slept"
"""


def write_plugins(folder: Path, count: int) -> Path:
    """Write so many plugins into a folder."""
    folder.mkdir(parents=True)
    for number in range(count):
        source = _SOURCE.replace("NUMBER", str(number)).lstrip()
        (folder / f"bench_{number}.py").write_text(source, "utf-8")
    return folder
