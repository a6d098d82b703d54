"""A plugin that asks again: its task waits in the middle for input from the user."""

import marshmallow as ma
from flask import current_app, redirect, render_template, request, url_for
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

NAME, VERSION = "hello-world-multi-step", "v1.0.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)
STEP_ID = "reply"

DIALOGUE_BLP = SecurityBlueprint(
    IDENTIFIER, __name__, description="A greeting and its reply."
)


class HelloWorldMultiStep(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = "Greets whoever you name, then waits for a reply. Shows how steps work."
    tags = ["hello-world", "multi-step", "demo"]

    def get_api_blueprint(self):
        return DIALOGUE_BLP


class TextSchema(FrontendFormBaseSchema):
    """Both forms ask for one text."""

    input_str = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1),
        metadata={"label": "Text", "input_type": "textarea"},
    )


def render_form(process: str, help_text: str):
    """Render the form of the plugin or of its step, filled with what was sent."""
    data = request.form if request.method == "POST" else request.args
    schema = TextSchema()
    errors = schema.validate(data) if data else {}
    return render_template(
        "simple_template.html",
        name=NAME,
        version=VERSION,
        schema=schema,
        values=data,
        errors=errors,
        valid=request.method == "POST" and bool(data) and not errors,
        process=process,
        help_text=help_text,
    )


@DIALOGUE_BLP.route("/")
class MetadataView(MethodView):
    """What the plugin is and where it is started."""

    @DIALOGUE_BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata of the plugin."""
        return PluginMetadata(
            title="Hello World with a reply",
            description=HelloWorldMultiStep.description,
            name=NAME,
            version=VERSION,
            type=PluginType.processing,
            entry_point=EntryPoint(
                href=url_for(f"{IDENTIFIER}.ProcessView"),
                ui_href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                data_output=[
                    DataMetadata(
                        data_type="custom/hello-world-output",
                        content_type=["text/plain"],
                        required=True,
                    )
                ],
            ),
            tags=HelloWorldMultiStep.tags,
        )


@DIALOGUE_BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @DIALOGUE_BLP.html_response(200, description="The form, filled with the query.")
    def get(self):
        """The form of the plugin."""
        return render_form(url_for(f"{IDENTIFIER}.ProcessView"), "Whom to greet?")

    post = get


@DIALOGUE_BLP.route("/process/")
class ProcessView(MethodView):
    """The start of a task."""

    @DIALOGUE_BLP.arguments(TextSchema(unknown=ma.EXCLUDE), location="form")
    @DIALOGUE_BLP.response(303, description="The task.")
    def post(self, arguments):
        """Start a greeting; the task then waits for the reply."""
        task = ProcessingTask(
            task_name=greet.name,
            data={"greeted": arguments["input_str"]},
            progress_value=0,
        )
        task.save(commit=True)
        # Relative to the task, so that it does not matter under which URL the runner is known.
        step = url_for(f"{IDENTIFIER}.StepProcessView", db_id=task.id)
        step_ui = url_for(f"{IDENTIFIER}.StepFrontend", db_id=task.id)
        chain = greet.s(db_id=task.id) | add_step.s(
            db_id=task.id, step_id=STEP_ID, href=step, ui_href=step_ui, prog_value=50
        )
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


def waiting_task(db_id: int) -> ProcessingTask:
    """Return the task if it waits for the reply; otherwise answer with an error."""
    task = ProcessingTask.get_by_id(db_id)
    if task is None or task.task_name != greet.name:
        abort(404, message="There is no such task of this plugin.")
    if task.is_finished or not task.has_uncleared_step:
        abort(409, message="The task does not wait for a reply.")
    return task


@DIALOGUE_BLP.route("/<int:db_id>/reply-ui/")
class StepFrontend(MethodView):
    """The form of the step."""

    @DIALOGUE_BLP.html_response(200, description="The form of the step.")
    def get(self, db_id: int):
        """The form of the step."""
        greeted = waiting_task(db_id).data["greeted"]
        process = url_for(f"{IDENTIFIER}.StepProcessView", db_id=db_id)
        return render_form(process, f"What does {greeted} reply?")

    post = get


@DIALOGUE_BLP.route("/<int:db_id>/reply-process/")
class StepProcessView(MethodView):
    """The second half of a task."""

    @DIALOGUE_BLP.arguments(TextSchema(unknown=ma.EXCLUDE), location="form")
    @DIALOGUE_BLP.response(303, description="The task.")
    def post(self, arguments, db_id: int):
        """Take the reply and finish the task."""
        task = waiting_task(db_id)
        task.data["reply"] = arguments["input_str"]
        task.clear_previous_step()
        task.save(commit=True)
        TASK_STEPS_CHANGED.send(current_app._get_current_object(), task_id=db_id)
        chain = record_reply.s(db_id=db_id) | save_task_result.s(db_id=db_id)
        chain.link_error(save_task_error.s(db_id=db_id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(db_id)), 303)


@CELERY.task(name=f"{IDENTIFIER}.greet", bind=True)
def greet(self, db_id: int) -> str:
    """Write the greeting; what is returned goes to the log, and the step is added."""
    greeting = f"Hello {ProcessingTask.get_by_id(db_id).data['greeted']}!"
    STORE.persist_task_result(
        db_id, greeting, "greeting.txt", "custom/hello-world-output", "text/plain"
    )
    return greeting


@CELERY.task(name=f"{IDENTIFIER}.record_reply", bind=True)
def record_reply(self, db_id: int) -> str:
    """Write the reply; the task is finished with it."""
    reply = ProcessingTask.get_by_id(db_id).data["reply"]
    STORE.persist_task_result(
        db_id, reply, "reply.txt", "custom/hello-world-output", "text/plain"
    )
    return reply
