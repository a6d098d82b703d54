"""The status page: what operators look at first."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, jsonify
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from ...api.negotiation import page, wants_html
from ...api.task_status import shown_time
from ...celery import CELERY
from ...db import DB
from ...operations.health import Result, Status, check_health, report
from ...operations.health.host import disks
from ...operations.health.workers import backlogs, live_introductions
from ...security.details import require_details
from ...tasking.life_cycle import TaskState
from ...tasking.queries import TaskFilter, find_tasks

STATUS_PAGES = Blueprint("status", __name__)

SECONDS = 3.0
"""For all checks, the first time."""

FAILURES = 100
"""Failed tasks that are looked at, the newest ones."""


@STATUS_PAGES.get("/status")
def status_page() -> Response:
    """Show workers, queues, failures by plugin, disks and all checks, to programs as JSON."""
    require_details()
    results = check_health(SECONDS)
    data = report(results.values(), with_details=True)
    database, broker = results["schema"], results["broker"]
    workers = _known(live_introductions, broker) or ()
    data["workers"] = [{**each.about, "atWork": each.at_work} for each in workers]
    data["queues"] = _queues(data["workers"], broker)
    data["failures"] = _known(_failures, database)
    data["disks"] = [
        {
            "what": disk.what,
            "path": str(disk.path),
            "freeBytes": disk.free,
            "sizeBytes": disk.size,
        }
        for disk in disks()
    ]
    if wants_html():
        response = page("runner/status.html", **data, results=results.values())
    else:
        response = jsonify(data)
        response.vary.add("Accept")
    response.headers["Cache-Control"] = "no-store"
    return response


def _known(read: Callable[[], Any], service: Result) -> Any:
    """Return what is read; ``None`` while the service that knows it is away."""
    if service.status not in (Status.UNAVAILABLE, Status.UNKNOWN):
        with suppress(RedisError, OperationalError, DBAPIError):
            return read()
        DB.session.rollback()
    return None


def _queues(workers: Iterable[dict[str, Any]], broker: Result) -> list[dict[str, Any]]:
    takers: dict[str, list[str]] = {str(name): [] for name in CELERY.amqp.queues}
    for worker in workers:
        for queue in worker.get("queues", ()):
            takers.setdefault(queue, []).append(worker["name"])
    waiting = _known(lambda: backlogs(takers), broker) or {}
    return [
        {
            "name": name,
            "messages": waiting[name].messages if name in waiting else None,
            "seconds": round(waiting[name].seconds, 1) if name in waiting else None,
            "workers": takers[name],
        }
        for name in sorted(takers)
    ]


def _failures() -> list[dict[str, Any]]:
    """Return the last failed or lost task of each plugin, and how many failed lately."""
    found: dict[str, dict[str, Any]] = {}
    rows = [
        row
        for state in (TaskState.FAILED, TaskState.LOST)
        for row in find_tasks(TaskFilter(state=state.value), None, FAILURES).rows
    ]
    for row in sorted(rows, key=lambda row: row.id, reverse=True):
        plugin = row.plugin or row.task_name.partition(".")[0]
        entry = found.setdefault(
            plugin,
            {
                "plugin": plugin,
                "count": 0,
                "lastTask": row.id,
                "lastState": row.state,
                "lastAt": shown_time(row.finished_at),
            },
        )
        entry["count"] += 1
    return list(found.values())
