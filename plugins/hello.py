"""The smallest complete plugin: text in, text out. Copy it to start your own."""

from tempfile import SpooledTemporaryFile

import marshmallow as ma
from celery.utils.log import get_task_logger
from flask import redirect, render_template, request, url_for
from flask.views import MethodView

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
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME, VERSION = "hello-world", "v1.0.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)
LOGGER = get_task_logger(__name__)

HELLO_BLP = SecurityBlueprint(
    IDENTIFIER, __name__, description="A greeting as a service."
)


class HelloWorld(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = "Greets whoever you name. The smallest plugin to copy from."
    tags = ["hello-world", "demo"]

    def get_api_blueprint(self):
        return HELLO_BLP


class HelloParametersSchema(FrontendFormBaseSchema):
    input_str = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1),
        metadata={
            "label": "Text",
            "description": "Whom or what to greet.",
            "input_type": "textarea",
        },
    )


@HELLO_BLP.route("/")
class MetadataView(MethodView):
    """What the plugin is and where it is started."""

    @HELLO_BLP.response(200, PluginMetadataSchema())
    def get(self):
        """The metadata of the plugin."""
        return PluginMetadata(
            title="Hello World",
            description=HelloWorld.description,
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
            tags=HelloWorld.tags,
        )


@HELLO_BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @HELLO_BLP.html_response(200, description="The form, filled with the query.")
    def get(self):
        """The form of the plugin."""
        return self.render(request.args)

    @HELLO_BLP.html_response(200, description="The form with validation errors.")
    def post(self):
        """The form, checked."""
        return self.render(request.form)

    def render(self, data):
        schema = HelloParametersSchema()
        errors = schema.validate(data) if data else {}
        return render_template(
            "simple_template.html",
            name=HelloWorld.name,
            version=HelloWorld.version,
            schema=schema,
            values=data,
            errors=errors,
            valid=request.method == "POST" and bool(data) and not errors,
            process=url_for(f"{IDENTIFIER}.ProcessView"),
            help_text="Enter a text and press *submit*. The output is a text file.",
            example_values=url_for(f"{IDENTIFIER}.MicroFrontend", inputStr="World"),
        )


@HELLO_BLP.route("/process/")
class ProcessView(MethodView):
    """The start of a task."""

    @HELLO_BLP.arguments(HelloParametersSchema(unknown=ma.EXCLUDE), location="form")
    @HELLO_BLP.response(303, description="The task.")
    def post(self, arguments):
        """Start a greeting."""
        task = ProcessingTask(
            task_name=hello_task.name, parameters=HelloParametersSchema().dumps(arguments)
        )
        task.save(commit=True)
        chain = hello_task.s(db_id=task.id) | save_task_result.s(db_id=task.id)
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@CELERY.task(name=f"{IDENTIFIER}.hello_task", bind=True)
def hello_task(self, db_id: int) -> str:
    """Write the greeting into a file and return the line for the log."""
    LOGGER.info("greeting for task %s", db_id)
    task = ProcessingTask.get_by_id(db_id)
    greeting = f"Hello {HelloParametersSchema().loads(task.parameters)['input_str']}!"
    with SpooledTemporaryFile(mode="w") as output:
        output.write(greeting)
        STORE.persist_task_result(
            db_id, output, "hello.txt", "custom/hello-world-output", "text/plain"
        )
    return greeting
