"""The plugin of ``benchmarks.scale``: tasks that leave a line for each begin and end of their work.

It also counts the statements and commits of each process that loads it. With ``SCALE_FOLDER`` the
benchmark names the folder for both.
"""

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import marshmallow as ma
from flask import redirect, url_for
from flask.views import MethodView
from sqlalchemy import event
from sqlalchemy.engine import Engine

from qhana_plugin_runner.api.util import MaBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("scale-work", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__)
FOLDER = Path(os.environ["SCALE_FOLDER"])
ROLE = os.environ["SCALE_ROLE"]


class ScaleWork(QHAnaPluginBase):
    name = "scale-work"
    version = "v1.0.0"

    def get_api_blueprint(self) -> SecurityBlueprint:
        return BLP


class InputSchema(MaBaseSchema):
    token = ma.fields.String(required=True)
    seconds = ma.fields.Float(required=True)
    repeats = ma.fields.Boolean(required=True)


@BLP.route("/")
class MetadataView(MethodView):
    def get(self) -> dict[str, object]:
        return {}


@BLP.route("/process/")
class ProcessView(MethodView):
    @BLP.arguments(InputSchema(), location="form")
    def post(self, arguments: dict[str, Any]) -> Any:
        work = repeated if arguments["repeats"] else once
        task = ProcessingTask(work.name, parameters=InputSchema().dumps(arguments))
        task.save(commit=True)
        chain = work.s(db_id=task.id) | save_task_result.s(db_id=task.id)
        chain.link_error(save_task_error.s(db_id=task.id))
        chain.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


def _write(line: str) -> None:
    """Append a line, which several processes may do at once."""
    descriptor = os.open(FOLDER / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def _work(db_id: int) -> str:
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None and task.parameters is not None
    arguments = InputSchema().loads(task.parameters)
    _write(f"begin {arguments['token']} {db_id}")
    time.sleep(arguments["seconds"])
    with SpooledTemporaryFile(mode="w") as output:
        output.write(arguments["token"])
        STORE.persist_task_result(db_id, output, "out.txt", "custom/scale", "text/plain")
    _write(f"end {arguments['token']} {db_id}")
    return "done"


@CELERY.task(name=f"{IDENTIFIER}.once")
def once(db_id: int) -> str:
    return _work(db_id)


@CELERY.task(name=f"{IDENTIFIER}.repeated", attempts=20, attempt_delay=1)
def repeated(db_id: int) -> str:
    return _work(db_id)


class Counts(Counter[str]):
    """Counts what this process does at the database, and writes it to a file of its own."""

    def begin(self) -> None:
        """Begin anew, in a process that was forked."""
        self.clear()
        self._lock = threading.Lock()
        self._written = 0.0

    def note(self, what: str) -> None:
        with self._lock:
            self[what] += 1
            if time.monotonic() - self._written > 0.5 or self.total() % 20 == 0:
                path = FOLDER / "counts" / f"{ROLE}-{os.getpid()}.json"
                new = path.with_suffix(".new")
                new.write_text(json.dumps(self))
                new.replace(path)
                self._written = time.monotonic()


COUNTS = Counts()
COUNTS.begin()
os.register_at_fork(after_in_child=COUNTS.begin)


@event.listens_for(Engine, "after_cursor_execute")
def _count_statement(
    _connection: object, _cursor: object, statement: str, *_rest: object
) -> None:
    COUNTS.note(" ".join(statement.split()))


@event.listens_for(Engine, "commit")
def _count_commit(_connection: object) -> None:
    COUNTS.note("COMMIT")


@event.listens_for(Engine, "rollback")
def _count_rollback(_connection: object) -> None:
    COUNTS.note("ROLLBACK")
