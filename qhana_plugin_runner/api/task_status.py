"""The task status: its schema, and its serialization from rows."""

from collections.abc import Iterable
from datetime import datetime
from math import isfinite
from typing import Any
from urllib.parse import urljoin

import marshmallow as ma
from flask import url_for

from ..db.db import without_zone
from ..db.models.task_details import TaskDetails
from ..db.models.tasks import TaskFile
from ..storage import STORE, FileStore, ServedFileStore, StorageError, served_url
from ..tasking.life_cycle import TaskState
from .form_schemas import schema_url
from .plugin_schemas import ApiLinkSchema, ProgressMetadataSchema, StepMetadataSchema
from .util import MaBaseSchema

STATUSES = ("PENDING", "SUCCESS", "FAILURE", "UNKNOWN")
STATES = tuple(state.value for state in TaskState)


def point_in_time(description: str) -> ma.fields.String:
    """Return a field for a time as :func:`shown_time` writes it."""
    return ma.fields.String(metadata={"format": "date-time", "description": description})


def shown_time(time: datetime | None) -> str | None:
    """Format a time for clients: ISO 8601, UTC, with microseconds."""
    if time is None:
        return None
    return f"{without_zone(time).isoformat(timespec='microseconds')}Z"


class OutputSchema(MaBaseSchema):
    href = ma.fields.String(required=True)
    data_type = ma.fields.String(required=True)
    content_type = ma.fields.String(required=True)
    name = ma.fields.String()


class TaskStatusSchema(MaBaseSchema):
    status = ma.fields.String(required=True, metadata={"enum": list(STATUSES)})
    state = ma.fields.String(
        metadata={
            "enum": list(STATES),
            "description": "The detailed state of the task.",
        }
    )
    plugin = ma.fields.String(
        metadata={"description": "The identifier of the plugin that created the task."}
    )
    attempt = ma.fields.Integer(
        metadata={"description": "The number of the attempt, from 1."}
    )
    created_at = point_in_time("When the task was created.")
    started_at = point_in_time("When a worker started it.")
    finished_at = point_in_time("When it finished.")
    log = ma.fields.String(required=True)
    progress = ma.fields.Nested(ProgressMetadataSchema())
    steps = ma.fields.List(ma.fields.Nested(StepMetadataSchema()))
    step_schemas = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        metadata={
            "description": "By the id of each open step, the URL of the JSON Schema of its form."
        },
    )
    links = ma.fields.List(ma.fields.Nested(ApiLinkSchema()))
    outputs = ma.fields.List(ma.fields.Nested(OutputSchema()), required=True)


def task_status(details: TaskDetails) -> dict[str, Any]:
    """Return the JSON object with the status of a task."""
    task = details.task
    task_url = url_for("tasks-api.TaskView", task_id=task.id, _external=True)
    status = given(
        status=status_of(task),
        state=task.state,
        plugin=task.plugin,
        attempt=task.attempt,
        createdAt=shown_time(task.started_at),
        startedAt=shown_time(task.began_at),
        finishedAt=shown_time(task.finished_at),
        progress=progress_of(task),
        log=details.log,
    )
    status["links"] = [{"type": "subscribe", "href": task_url}]
    for link in details.links:
        status["links"].append(
            {"type": link.type, "href": _absolute(task_url, link.href)}
        )
    if details.steps:
        status["steps"] = [
            {
                "href": _absolute(task_url, step.href),
                "uiHref": _absolute(task_url, step.ui_href),
                "stepId": step.step_id or "",
                "cleared": bool(step.cleared),
            }
            for step in details.steps
        ]
        if schemas := _step_schemas(task_url, details.steps):
            status["stepSchemas"] = schemas
    status["outputs"] = [
        {
            "href": download_url(file),
            "dataType": file.file_type,
            "contentType": file.mimetype,
            "name": file.file_name,
        }
        for file in details.outputs
    ]
    return status


def _step_schemas(task_url: str, steps: Iterable[Any]) -> dict[str, str]:
    """Return the URL of the JSON Schema of each open step by the id of the step."""
    found = {
        step.step_id: schema_url(step.href or "", task_url)
        for step in steps
        if step.step_id and not step.cleared
    }
    return {step_id: url for step_id, url in found.items() if url}


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are not ``None``: clients expect absent members, never null."""
    return {name: value for name, value in values.items() if value is not None}


def status_of(task: Any) -> str:
    """Return the status of a task, or of a row with its columns."""
    if task.finished_at is None:
        return "PENDING"
    return task.task_status or "UNKNOWN"


def progress_of(task: Any) -> dict[str, Any] | None:
    """Return the JSON object with the progress of a task; ``None`` before there is any."""
    # JSON has neither infinity nor NaN.
    if task.progress_value is None or not isfinite(task.progress_value):
        return None
    return {
        "value": task.progress_value,
        "start": 0.0 if task.progress_start is None else task.progress_start,
        "target": 100.0 if task.progress_target is None else task.progress_target,
        "unit": task.progress_unit or "",
    }


def _absolute(base: str, href: str | None) -> str:
    try:
        return urljoin(base, href or "")
    except ValueError:
        # Not a URL; show the plugin's text as it is.
        return str(href)


_OWN_URLS = (FileStore.get_task_file_url, ServedFileStore.get_task_file_url)


def download_url(file: Any) -> str:
    """Return the URL under which clients get a file, a model or a row with its columns."""
    try:
        store = STORE[file.storage_provider]
        if type(store).get_task_file_url not in _OWN_URLS:
            # A store of a plugin may use relationships of the model.
            file = TaskFile.get_by_id(file.id)
        return store.get_task_file_url(file, external=True)
    except StorageError:
        # Not set up, or its plugin is gone: the download reports that.
        return served_url(file)
