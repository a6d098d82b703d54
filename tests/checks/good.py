"""A plugin without faults, which the tests of checks make bad ones of."""

import marshmallow as ma
from flask import redirect, render_template, request, url_for

from qhana_plugin_runner.api import plugin_schemas as schemas
from qhana_plugin_runner.api.util import (
    FileUrl,
    FrontendFormBaseSchema,
    SecurityBlueprint,
)
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME, VERSION = "good", "v1.0.0"
ID = plugin_identifier(NAME, VERSION)
BLP = SecurityBlueprint(ID, __name__, description="Good.")


class Good(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = "Counts lines."

    def get_api_blueprint(self):
        return BLP

    def get_requirements(self):
        return "numpy>=2"


class Form(FrontendFormBaseSchema):
    entities_url = FileUrl(
        required=True, data_input_type="entity/list", data_content_types=["text/csv"]
    )
    lines = ma.fields.Integer(load_default=3, validate=ma.validate.Range(1, 9))


@BLP.route("/")
@BLP.response(200, schemas.PluginMetadataSchema())
def metadata():
    entry = schemas.EntryPoint(
        href=url_for(f"{ID}.process"),
        ui_href=url_for(f"{ID}.form"),
        data_input=[
            schemas.InputDataMetadata("entity/list", ["text/csv"], True, "entitiesUrl")
        ],
        data_output=[schemas.DataMetadata("custom/count", ["application/json"], True)],
    )
    kind = schemas.PluginType.processing
    return schemas.PluginMetadata("Good", "Counts lines.", NAME, VERSION, kind, entry)


@BLP.route("/ui/", methods=["GET", "POST"])
def form():
    return render_template(
        "simple_template.html",
        schema=Form(),
        values=request.values,
        errors=Form().validate(request.form) if request.form else {},
        process=url_for(f"{ID}.process"),
    )


@BLP.route("/process/", methods=["POST"])
@BLP.arguments(Form(unknown=ma.EXCLUDE), location="form")
@BLP.response(303)
def process(arguments):
    task = ProcessingTask(task_name=count.name, parameters=arguments["entities_url"])
    task.save(commit=True)
    chain = count.s(db_id=task.id) | save_task_result.s(db_id=task.id)
    chain.link_error(save_task_error.s(db_id=task.id))
    chain.apply_async()
    return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@CELERY.task(name=f"{ID}.count", bind=True)
def count(self, db_id):
    try:
        with open_url(ProcessingTask.get_by_id(db_id).parameters) as response:
            lines = len(response.text.splitlines())
    except Exception:
        raise
    STORE.persist_task_result(
        db_id, f"{lines}", "count.json", "custom/count", "application/json"
    )
    return f"{lines} lines"
