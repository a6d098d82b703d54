"""Uploads: each is a finished task with one output.

So uploads are listed, shown, removed and cleaned up like all results.
"""

import json
import re
from typing import Any

import marshmallow as ma
from flask import url_for
from flask.views import MethodView
from flask_smorest.fields import Upload
from werkzeug.datastructures import FileStorage

from ..db.models.tasks import ProcessingTask, TaskFile
from ..storage import STORE, shown_name
from ..tasking import life_cycle
from ..tasking.clients import NO_CLIENT
from ..util.content_types import ANYTHING, CONTENT_TYPE, content_type_of
from .files import FILES_API
from .task_status import OutputSchema, download_url
from .util import MaBaseSchema

UPLOAD_TASK = "upload"
"""The name of the tasks of uploads."""


class UploadedFileSchema(MaBaseSchema):
    file = Upload(required=True)


class UploadTypesSchema(MaBaseSchema):
    class Meta:
        unknown = ma.EXCLUDE

    data_type = ma.fields.String(
        required=True,
        validate=[
            ma.validate.Length(min=1, max=255),
            ma.validate.Regexp(r"[^\x00-\x1f\x7f\ud800-\udfff]*\Z"),
        ],
        metadata={"description": "What the file holds, such as `entity/list`."},
    )
    content_type = ma.fields.String(
        load_default="",
        validate=[
            ma.validate.Length(max=255),
            ma.validate.Regexp(
                rf"({CONTENT_TYPE})?\Z", re.ASCII, error="Not a mime type."
            ),
        ],
        metadata={"description": "The mime type; guessed when it is left out."},
    )


class UploadSchema(OutputSchema):
    task = ma.fields.String(
        required=True, metadata={"description": "The URL of the task that has the file."}
    )


@FILES_API.route("/")
class UploadsView(MethodView):
    """Files that clients upload."""

    @FILES_API.arguments(UploadedFileSchema(), location="files")
    @FILES_API.arguments(UploadTypesSchema(), location="form")
    @FILES_API.response(201, UploadSchema())
    def post(self, files: dict[str, Any], types: dict[str, str]) -> Any:
        """Upload a file, so that plugins can read it by its URL.

        It is stored as the output of a new task that has ended.
        """
        kept = _store(files["file"], types["data_type"], types["content_type"])
        href = download_url(kept)
        answer = {
            "href": href,
            "data_type": kept.file_type,
            "content_type": kept.mimetype,
            "name": kept.file_name,
            "task": url_for("tasks-api.TaskView", task_id=kept.task_id, _external=True),
        }
        return answer, {"Location": href}


def _store(file: FileStorage, data_type: str, content_type: str) -> TaskFile:
    """Store an uploaded file as the output of a new task; commits.

    Args:
        file: The uploaded file.
        data_type: Its data type, such as ``entity/list``.
        content_type: Its mime type; empty for the one that the sender declares.
    """
    name = shown_name(file.filename or "")
    kind = content_type_of(content_type) or content_type_of(
        file.content_type, file.filename
    )
    parameters: dict[str, Any] = {"file": name, "dataType": data_type}
    task = ProcessingTask(UPLOAD_TASK, parameters=json.dumps(parameters))
    task.client = NO_CLIENT  # needs no worker, and may answer a step of a task under way
    task.save(commit=True)
    task_id = task.id
    try:
        kept = STORE.persist_task_result(
            task_id, file.stream, name, data_type, kind or ANYTHING
        )
    except BaseException as error:
        life_cycle.fail(task_id, f"The file was not stored: {type(error).__name__}")
        raise
    life_cycle.succeed(task_id)
    return kept
