"""Counts what workers run."""

from functools import cache
from time import monotonic
from typing import Any

from celery import Task
from celery.signals import task_postrun, task_prerun
from celery.states import IGNORED, REJECTED

from ...celery import CELERY
from ...tasking.messages import waited
from .counters import count_run
from .service import metrics_of

_STARTED = "_qhana_started"


@cache  # signals belong to the process
def count_work() -> None:
    """Count all that this worker, and the processes of its pool, run from now on."""
    task_prerun.connect(_starts)
    task_postrun.connect(_has_run)


def _starts(task: Task, **_kwargs: Any) -> None:
    setattr(task.request, _STARTED, monotonic())


def _has_run(task: Task, state: str, **_kwargs: Any) -> None:
    started = getattr(task.request, _STARTED, None)
    app = CELERY.flask_app
    if started is None or app is None or state in (IGNORED, REJECTED):
        return  # its message was a second delivery, or its task is cancelled
    identifier, _dot, _name = (task.name or "").partition(".")
    plugin = metrics_of(app).plugin(identifier if "@" in identifier else None)
    count_run(plugin, monotonic() - started, waited(task))
