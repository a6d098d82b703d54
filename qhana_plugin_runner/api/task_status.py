"""The status of a task as clients see it: its schema, and how it is made from the row."""

from datetime import datetime
from math import isfinite
from typing import Any
from urllib.parse import urljoin

import marshmallow as ma
from flask import url_for

from ..db.db import without_zone
from ..db.models.tasks import ProcessingTask, TaskFile
from ..storage import STORE, StorageError
from ..tasking.life_cycle import State
from .plugin_schemas import (
    ApiLink,
    ApiLinkSchema,
    ProgressMetadata,
    ProgressMetadataSchema,
    StepMetadata,
    StepMetadataSchema,
)
from .util import MaBaseSchema

__all__ = [
    "STATES",
    "STATUSES",
    "OutputSchema",
    "TaskStatusSchema",
    "download_url",
    "given",
    "point_in_time",
    "progress_of",
    "shown_time",
    "status_of",
    "task_status",
]

STATUSES = ("PENDING", "SUCCESS", "FAILURE", "UNKNOWN")
STATES = tuple(state.value for state in State)


def point_in_time(description: str) -> ma.fields.String:
    """Return a field for a time as :func:`shown_time` writes it."""
    return ma.fields.String(metadata={"format": "date-time", "description": description})


def shown_time(time: datetime | None) -> str | None:
    """Write a time as clients see it: ISO 8601, UTC, with microseconds."""
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
            "description": "What the task does, finer than the status.",
        }
    )
    plugin = ma.fields.String(
        metadata={"description": "The identifier of the plugin that has made the task."}
    )
    attempt = ma.fields.Integer(
        metadata={"description": "How often the work was started, from 1."}
    )
    created_at = point_in_time("When the task was made.")
    started_at = point_in_time("When a worker began with it.")
    finished_at = point_in_time("When it ended.")
    log = ma.fields.String(required=True)
    progress = ma.fields.Nested(ProgressMetadataSchema())
    steps = ma.fields.List(ma.fields.Nested(StepMetadataSchema()))
    links = ma.fields.List(ma.fields.Nested(ApiLinkSchema()))
    outputs = ma.fields.List(ma.fields.Nested(OutputSchema()), required=True)


def task_status(task: ProcessingTask) -> dict[str, Any]:
    """Return the status of a task as clients see it."""
    task_url = url_for("tasks-api.TaskView", task_id=task.id, _external=True)
    status: dict[str, Any] = {
        "status": task.status,
        **given(
            state=task.state,
            plugin=task.plugin,
            attempt=task.attempt,
            created_at=shown_time(task.started_at),
            started_at=shown_time(task.began_at),
            finished_at=shown_time(task.finished_at),
        ),
        "log": task.task_log or "",
        "links": [
            ApiLink(type="subscribe", href=task_url),
            *(ApiLink(link.type, _absolute(task_url, link.href)) for link in task.links),
        ],
        "outputs": [],
    }
    if progress := progress_of(task):
        status["progress"] = progress
    if task.steps:
        status["steps"] = [
            StepMetadata(
                href=_absolute(task_url, step.href),
                uiHref=_absolute(task_url, step.ui_href),
                stepId=step.step_id or "",
                cleared=bool(step.cleared),
            )
            for step in task.steps
        ]
    if task.is_finished:
        status["outputs"] = [
            {
                "href": download_url(file),
                "data_type": file.file_type,
                "content_type": file.mimetype,
                "name": file.file_name,
                # For the page; clients find both in the headers of the download.
                "size": file.size,
                "sha256": file.sha256,
            }
            for file in task.outputs
            if file.is_output
        ]
    return status


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are there: clients expect absent members, never null."""
    return {name: value for name, value in values.items() if value is not None}


def status_of(task: Any) -> str:
    """Return the status of a task, or of a row with its columns."""
    if task.finished_at is None:
        return "PENDING"
    return task.task_status or "UNKNOWN"


def progress_of(task: Any) -> ProgressMetadata | None:
    """Return the progress of a task, or of a row with its columns, once there is some."""
    # JSON knows no infinity, and no "not a number".
    if task.progress_value is None or not isfinite(task.progress_value):
        return None
    return ProgressMetadata(
        value=task.progress_value,
        start=task.progress_start if task.progress_start is not None else 0,
        target=task.progress_target if task.progress_target is not None else 100,
        unit=task.progress_unit or "",
    )


def _absolute(base: str, href: str | None) -> str:
    try:
        return urljoin(base, href or "")
    except ValueError:
        # No URL at all; the plugin's text is still the best there is to show.
        return str(href)


def download_url(file: TaskFile) -> str:
    """Return the URL under which clients get a file."""
    try:
        return STORE.get_task_file_url(file, external=True)
    except StorageError:
        # The store is not set up, or its plugin is gone. Our own answer there says so.
        tag = {"file-id": file.security_tag}
        return url_for("files-api.FileView", file_id=file.id, _external=True, **tag)
