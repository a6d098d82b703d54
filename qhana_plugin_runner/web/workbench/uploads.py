"""Files that people bring: each upload is a task that has ended, with one output.

So they are listed, shown, removed and cleaned up like all others.
"""

import json
from typing import Any

from werkzeug.datastructures import FileStorage

from ...db.models.tasks import ProcessingTask, TaskFile
from ...storage import STORE, shown_name
from ...tasking import life_cycle
from ...util.content_types import ANYTHING, content_type_of

__all__ = ["UPLOAD_TASK", "keep_upload"]

UPLOAD_TASK = "upload"
"""The name of the tasks of uploads."""


def keep_upload(file: FileStorage, data_type: str, content_type: str) -> TaskFile:
    """Keep an uploaded file as the output of a new task; commits.

    Args:
        file: what was uploaded.
        data_type: what it holds, such as ``entity/list``.
        content_type: its mime type; empty to take what the sender of the file declares.
    """
    name = shown_name(file.filename or "")
    kind = content_type_of(content_type) or content_type_of(
        file.content_type, file.filename
    )
    told: dict[str, Any] = {"file": name, "dataType": data_type}
    task = ProcessingTask(UPLOAD_TASK, parameters=json.dumps(told))
    task.save(commit=True)
    task_id = task.id
    try:
        kept = STORE.persist_task_result(
            task_id, file.stream, name, data_type, kind or ANYTHING
        )
    except BaseException as error:
        life_cycle.fail(task_id, f"The file was not kept: {type(error).__name__}")
        raise
    life_cycle.succeed(task_id)
    return kept
