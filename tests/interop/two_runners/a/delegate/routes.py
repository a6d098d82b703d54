"""What people and the other runner call."""

import marshmallow as ma
from flask import redirect, url_for
from flask.views import MethodView
from flask_smorest import abort

from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import (
    FrontendFormBaseSchema,
    MaBaseSchema,
    PluginUrl,
)
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import save_task_error

from . import BLP, IDENTIFIER, Delegate
from .tasks import follow, start


class DelegateSchema(FrontendFormBaseSchema):
    plugin_url = PluginUrl(
        required=True, plugin_tags=["interview"], metadata={"label": "Plugin"}
    )
    topic = ma.fields.String(required=True)
    callback = ma.fields.Boolean(
        load_default=False,
        metadata={
            "label": "Wait for a call",
            "description": "Only when the other runner can reach this one.",
        },
    )


class ChangeSchema(MaBaseSchema):
    source = ma.fields.Url(required=True)


@BLP.route("/")
class MetadataView(MethodView):
    @BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata of the plugin."""
        return PluginMetadata(
            title="Delegate",
            description=Delegate.description,
            name=Delegate.name,
            version=Delegate.version,
            type=PluginType.processing,
            entry_point=EntryPoint(href="./process/", ui_href="./ui/"),
            tags=Delegate.tags,
        )


@BLP.route("/process/")
class ProcessView(MethodView):
    @BLP.arguments(DelegateSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303)
    def post(self, arguments):
        """Start the other plugin."""
        task = ProcessingTask(task_name=follow.name, data=dict(arguments))
        task.save(commit=True)
        # Made here: a worker knows no request, and so not under which URL the runner is known.
        task.data["webhook"] = url_for(
            f"{IDENTIFIER}.ChangeView", db_id=task.id, _external=True
        )
        task.save(commit=True)
        message = start.s(db_id=task.id)
        message.link_error(save_task_error.s(db_id=task.id))
        message.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@BLP.route("/<int:db_id>/changed/")
class ChangeView(MethodView):
    @BLP.arguments(ChangeSchema(unknown=ma.EXCLUDE), location="query")
    @BLP.response(204)
    def post(self, arguments, db_id):
        """The other task has changed."""
        task = ProcessingTask.get_by_id(db_id)
        if task is None or arguments["source"] != task.data.get("result_url"):
            abort(404, message="This task waits for no such task.")
        message = follow.s(db_id=db_id)
        message.link_error(save_task_error.s(db_id=db_id))
        message.apply_async()
