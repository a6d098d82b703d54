"""Plugins as others write them: parameters by the schema, a second secret in a step, errors."""

import marshmallow as ma
from flask import url_for
from flask.views import MethodView

from qhana_plugin_runner.api.util import (
    FrontendFormBaseSchema,
    SecretField,
    SecurityBlueprint,
)
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.security.secrets import reveal
from qhana_plugin_runner.tasks import add_step, save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("two-steps", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__, description="A secret in each step.")


class TwoSteps(QHAnaPluginBase):
    name, version, tags = "two-steps", "v1.0.0", []
    description = "Counts the letters of a secret in each step."

    def get_api_blueprint(self):
        return BLP


class StartSchema(FrontendFormBaseSchema):
    password = SecretField(required=True)
    hint = ma.fields.String(load_default="")
    pin = SecretField()


class StepSchema(FrontendFormBaseSchema):
    code = SecretField(required=True)


@BLP.route("/")
class PluginView(MethodView):
    """The start of a task."""

    @BLP.arguments(StartSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(200)
    def post(self, arguments):
        """Start, and wait for the code."""
        task = ProcessingTask(first.name, parameters=StartSchema().dumps(arguments))
        task.save(commit=True)
        url = url_for(".StepView", db_id=task.id)
        step = add_step.s(db_id=task.id, step_id="code", href=url, ui_href=url)
        chain = first.s(db_id=task.id) | step
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return {"id": task.id}


@BLP.route("/step/<int:db_id>")
class StepView(MethodView):
    """The second step."""

    @BLP.arguments(StepSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(200)
    def post(self, arguments, db_id):
        """Go on with the code."""
        task = ProcessingTask.get_by_id(db_id)
        task.data["code"] = arguments["code"]
        task.clear_previous_step(commit=True)
        chain = second.s(db_id=db_id) | save_task_result.s(db_id=db_id)
        chain.link_error(save_task_error.s(db_id=db_id))
        chain.apply_async()
        return {"id": db_id}


@CELERY.task(name=f"{IDENTIFIER}.first", bind=True)
def first(self, db_id: int) -> str:
    """Count the letters of the password."""
    loaded = StartSchema().loads(ProcessingTask.get_by_id(db_id).parameters)
    assert "pin" not in loaded or reveal(loaded["pin"], db_id)
    if loaded["hint"]:
        reveal(loaded["hint"], db_id)
    return f"{len(reveal(loaded['password'], db_id))} letters"


@CELERY.task(name=f"{IDENTIFIER}.second", bind=True)
def second(self, db_id: int) -> str:
    """Count those of both."""
    task = ProcessingTask.get_by_id(db_id)
    password = StartSchema().loads(task.parameters)["password"]
    both = reveal(password, db_id) + reveal(task.data["code"], db_id)
    return f"{len(both)} letters"
