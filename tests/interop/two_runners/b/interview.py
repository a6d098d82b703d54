"""A plugin that asks a person one question, and writes the answer to a file."""

import marshmallow as ma
from flask import current_app, redirect, url_for
from flask.views import MethodView
from flask_smorest import abort

from qhana_plugin_runner.api.plugin_schemas import (
    DataMetadata,
    EntryPoint,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import (
    TASK_STEPS_CHANGED,
    add_step,
    save_task_error,
    save_task_result,
)
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("interview", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Asks a question.")


class Interview(QHAnaPluginBase):
    name = "interview"
    version = "v1.0.0"
    description = "Asks a question."
    tags = ["interview"]

    def get_api_blueprint(self):
        return BLP


class QuestionSchema(FrontendFormBaseSchema):
    topic = ma.fields.String(required=True)


class AnswerSchema(FrontendFormBaseSchema):
    answer = ma.fields.String(required=True)


@BLP.route("/")
class MetadataView(MethodView):
    @BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata, with an entry point that is relative to it."""
        return PluginMetadata(
            title="Interview",
            description=Interview.description,
            name=Interview.name,
            version=Interview.version,
            type=PluginType.processing,
            entry_point=EntryPoint(
                href="./process/",
                ui_href="./ui/",
                data_output=[DataMetadata("custom/answer", ["text/plain"], True)],
            ),
            tags=Interview.tags,
        )


@BLP.route("/process/")
class ProcessView(MethodView):
    @BLP.arguments(QuestionSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303)
    def post(self, arguments):
        """Ask, and wait for the answer."""
        task = ProcessingTask(task_name=ask.name, data=dict(arguments))
        task.save(commit=True)
        href = url_for(f"{IDENTIFIER}.AnswerView", db_id=task.id)
        chain = ask.s(db_id=task.id) | add_step.s(
            db_id=task.id, step_id="answer", href=href, ui_href=href
        )
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@BLP.route("/<int:db_id>/answer/")
class AnswerView(MethodView):
    @BLP.arguments(AnswerSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303)
    def post(self, arguments, db_id):
        """Take the answer and finish."""
        task = ProcessingTask.get_by_id(db_id)
        if task is None or not task.has_uncleared_step:
            abort(404, message="No task waits for this answer.")
        task.data["answer"] = arguments["answer"]
        task.clear_previous_step()
        task.save(commit=True)
        TASK_STEPS_CHANGED.send(current_app._get_current_object(), task_id=db_id)
        chain = write.s(db_id=db_id) | save_task_result.s(db_id=db_id)
        chain.link_error(save_task_error.s(db_id=db_id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(db_id)), 303)


@CELERY.task(name=f"{IDENTIFIER}.ask", bind=True)
def ask(self, db_id: int) -> str:
    return f"What about {ProcessingTask.get_by_id(db_id).data['topic']}?"


@CELERY.task(name=f"{IDENTIFIER}.write", bind=True)
def write(self, db_id: int) -> str:
    data = ProcessingTask.get_by_id(db_id).data
    if data["answer"] == "no comment":
        raise ValueError("the person refused to answer")
    text = f"{data['topic']}: {data['answer']}"
    STORE.persist_task_result(db_id, text, "answer.txt", "custom/answer", "text/plain")
    return "answered"
