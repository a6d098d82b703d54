"""Views that start tasks as plugins do."""

from http import HTTPStatus
from json import dumps

import marshmallow as ma
from flask import Response, redirect, request, url_for
from flask.views import MethodView

from qhana_plugin_runner.api.util import FrontendFormBaseSchema
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import (
    TASK_STEPS_CHANGED,
    add_step,
    save_task_error,
    save_task_result,
)

from . import POET_BLP
from . import tasks as poet_tasks
from .tasks import line, silent, write


class PoemSchema(FrontendFormBaseSchema):
    title = ma.fields.String(required=True)


def to_task(task):
    return redirect(
        url_for("tasks-api.TaskView", task_id=str(task.id)), HTTPStatus.SEE_OTHER
    )


@POET_BLP.route("/process/")
class ProcessView(MethodView):
    """Write a poem."""

    @POET_BLP.arguments(PoemSchema(unknown=ma.EXCLUDE), location="form")
    @POET_BLP.response(HTTPStatus.SEE_OTHER)
    def post(self, arguments) -> Response:
        """Start."""
        db_task = ProcessingTask(task_name=write.name, parameters=dumps(arguments))
        db_task.save(commit=True)
        task = write.s(db_id=db_task.id) | save_task_result.s(db_id=db_task.id)
        # Errors of any task in the chain are saved.
        task.link_error(save_task_error.s(db_id=db_task.id))
        task.apply_async()
        return to_task(db_task)


@POET_BLP.route("/start/<name>/")
def start(name):
    """Start any task of the plugin."""
    db_task = ProcessingTask(task_name=name)
    db_task.save(commit=True)
    work = getattr(poet_tasks, name).s(db_id=db_task.id)
    task = work | save_task_result.s(db_id=db_task.id)
    task.link_error(save_task_error.s(db_id=db_task.id))
    task.apply_async()
    return to_task(db_task)


@POET_BLP.route("/steps/")
def first_step():
    """Start a task that asks for a title; how is told in the query."""
    db_task = ProcessingTask(task_name=silent.name)
    db_task.save(commit=True)
    step = {
        "db_id": db_task.id,
        "step_id": "title",
        "href": url_for(f"{POET_BLP.name}.second_step", db_id=db_task.id),  # relative
        "ui_href": url_for(f"{POET_BLP.name}.title_form", _external=True),
    }
    if request.args.get("progress"):
        step |= {"prog_value": 3, "prog_start": 1, "prog_target": 9, "prog_unit": "lines"}
    if request.args.get("immutable"):
        task = silent.si(db_id=db_task.id) | add_step.si(task_log="asked", **step)
    else:
        task = line.s("asked", db_id=db_task.id) | add_step.s(**step)
    task.link_error(save_task_error.s(db_id=db_task.id))
    task.apply_async()
    return to_task(db_task)


@POET_BLP.route("/steps/<int:db_id>/", methods=["POST"])
def second_step(db_id: int):
    """Take the title and go on."""
    from flask import current_app

    db_task = ProcessingTask.get_by_id(id_=db_id)
    db_task.parameters = request.form["title"]
    db_task.clear_previous_step()
    db_task.save(commit=True)
    app = current_app._get_current_object()
    TASK_STEPS_CHANGED.send(app, task_id=db_id)
    task = write.s(db_id=db_task.id) | save_task_result.s(db_id=db_task.id)
    task.link_error(save_task_error.s(db_id=db_task.id))
    task.apply_async()
    return to_task(db_task)


@POET_BLP.route("/title-form/")
def title_form():
    return "<form></form>"
