"""Uploaded files: each upload is a finished task with one output.

So uploads are listed, shown, removed and cleaned up like all results.
"""

import json
from typing import Any

from werkzeug.datastructures import FileStorage

from ...db.models.tasks import ProcessingTask, TaskFile
from ...storage import STORE, shown_name
from ...tasking import life_cycle
from ...util.content_types import ANYTHING, content_type_of

__all__ = ["UPLOAD_TASK", "store_upload"]

UPLOAD_TASK = "upload"
"""The name of the tasks of uploads."""


def store_upload(file: FileStorage, data_type: str, content_type: str) -> TaskFile:
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
