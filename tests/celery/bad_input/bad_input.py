"""A plugin whose only parameters are an input and how to fail on it."""

import marshmallow as ma
from flask import redirect, url_for
from flask.views import MethodView

from qhana_plugin_runner.api.util import (
    FileUrl,
    FrontendFormBaseSchema,
    SecurityBlueprint,
)
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.plugin_utils.entity_marshalling import load_entities
from qhana_plugin_runner.plugin_utils.zip_utils import get_files_from_zip_url
from qhana_plugin_runner.requests import get_mimetype, open_url
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME, VERSION = "bad-input", "v1.0.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)
BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Fails on bad input.")


class BadInput(QHAnaPluginBase):
    name = NAME
    version = VERSION
    description = "Fails on bad input."
    tags = ["test"]

    def get_api_blueprint(self):
        return BLP


class ParametersSchema(FrontendFormBaseSchema):
    work = ma.fields.String(required=True)
    url = FileUrl(load_default=None)
    text = ma.fields.String(load_default="")
    number = ma.fields.Integer(load_default=0)


@BLP.route("/process/")
class ProcessView(MethodView):
    """The start of a task."""

    @BLP.arguments(ParametersSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(303)
    def post(self, arguments):
        """Start the work that is named."""
        work = WORK[arguments["work"]]
        task = ProcessingTask(
            task_name=work.name, parameters=ParametersSchema().dumps(arguments)
        )
        task.save(commit=True)
        # the row that the result goes to, which a plugin may get wrong
        result_id = arguments["number"] or task.id
        chain = work.s(db_id=task.id) | save_task_result.s(db_id=result_id)
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


def parameters_of(db_id):
    return ParametersSchema().loads(ProcessingTask.get_by_id(db_id).parameters)


@CELERY.task(name=f"{IDENTIFIER}.read-entities", bind=True)
def read_entities(self, db_id: int) -> str:
    with open_url(parameters_of(db_id)["url"], stream=True) as response:
        entities = load_entities(response, get_mimetype(response))
        return f"{sum(1 for _ in entities)} entities"


@CELERY.task(name=f"{IDENTIFIER}.unpack", bind=True)
def unpack(self, db_id: int) -> str:
    files = get_files_from_zip_url(parameters_of(db_id)["url"])
    return ", ".join(name for _file, name in files)


@CELERY.task(name=f"{IDENTIFIER}.keep-as", bind=True)
def keep_as(self, db_id: int) -> str:
    name = parameters_of(db_id)["text"]
    STORE.persist_task_result(db_id, "text", name, "custom/text", "text/plain")
    return "kept"


@CELERY.task(name=f"{IDENTIFIER}.keep-in", bind=True)
def keep_in(self, db_id: int) -> str:
    store = parameters_of(db_id)["text"]
    STORE.persist_task_result(
        db_id, "text", "a.txt", "custom/text", "text/plain", storage_provider=store
    )
    return "kept"


@CELERY.task(name=f"{IDENTIFIER}.do-nothing", bind=True)
def do_nothing(self, db_id: int) -> str:
    return "nothing to do"


WORK = {
    "read-entities": read_entities,
    "unpack": unpack,
    "keep-as": keep_as,
    "keep-in": keep_in,
    "do-nothing": do_nothing,
}
