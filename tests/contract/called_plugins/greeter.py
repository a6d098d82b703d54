"""A plugin that other plugins call: it asks for a title, then greets."""

import json

import marshmallow as ma
from flask import redirect, url_for
from flask.views import MethodView

from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import add_step, save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("greeter", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Greets in two steps.")


class Greeter(QHAnaPluginBase):
    name = "greeter"
    version = "v1.0.0"
    description = "Greets in two steps."
    tags = []

    def get_api_blueprint(self):
        return BLP


class NameSchema(FrontendFormBaseSchema):
    full_name = ma.fields.String(required=True)


class TitleSchema(FrontendFormBaseSchema):
    title = ma.fields.String(required=True)


@BLP.route("/")
class MetadataView(MethodView):
    @BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata, with a relative entry point."""
        return PluginMetadata(
            title="Greeter",
            description=Greeter.description,
            name=Greeter.name,
            version=Greeter.version,
            type=PluginType.processing,
            entry_point=EntryPoint(href="./process/", ui_href="./ui/"),
            tags=[],
        )


@BLP.route("/process/")
class ProcessView(MethodView):
    @BLP.arguments(NameSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303)
    def post(self, arguments):
        """Start, and wait for the title."""
        task = ProcessingTask(task_name=ask.name, parameters=json.dumps(arguments))
        task.save(commit=True)
        title_url = url_for(f"{IDENTIFIER}.TitleView", db_id=task.id, _external=True)
        chain = ask.s(db_id=task.id) | add_step.s(
            db_id=task.id, step_id="title", href=title_url, ui_href=title_url
        )
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@BLP.route("/<int:db_id>/title/")
class TitleView(MethodView):
    @BLP.arguments(TitleSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303)
    def post(self, arguments, db_id):
        """Go on with the title."""
        task = ProcessingTask.get_by_id(db_id)
        task.data = arguments
        task.clear_previous_step()
        task.save(commit=True)
        chain = greet.s(db_id=db_id) | save_task_result.s(db_id=db_id)
        chain.link_error(save_task_error.s(db_id=db_id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(db_id)), 303)


@CELERY.task(name=f"{IDENTIFIER}.ask", bind=True)
def ask(self, db_id):
    return "Which title?"


@CELERY.task(name=f"{IDENTIFIER}.greet", bind=True)
def greet(self, db_id):
    task = ProcessingTask.get_by_id(db_id)
    return f"Hello {task.data['title']} {json.loads(task.parameters)['full_name']}!"
