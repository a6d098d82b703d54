"""The work."""

from tempfile import SpooledTemporaryFile

from flask import render_template

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    ensure_dict,
    load_entities,
    save_entities,
)
from qhana_plugin_runner.requests import get_mimetype, open_url, retrieve_filename
from qhana_plugin_runner.storage import STORE

from . import IDENTIFIER
from .schemas import TaskParametersSchema
from .statistics import describe


@CELERY.task(name=f"{IDENTIFIER}.statistics_task", bind=True)
def statistics_task(self, db_id: int) -> str:
    """Read the entities once, save the statistics as entities and as a report."""
    task = ProcessingTask.get_by_id(db_id)
    given = TaskParametersSchema().loads(task.parameters)
    with open_url(given["url"], stream=True) as response:
        name = retrieve_filename(response)
        header: list[str] = []

        def keep_header(names: list[str]) -> list[str]:
            header.extend(names)
            return names

        content_type = given["content_type"] or get_mimetype(response)
        entities = load_entities(response, content_type, process_csv_header=keep_header)
        statistics = describe(ensure_dict(entities), header)
    with SpooledTemporaryFile(mode="w") as output:
        save_entities(statistics, output, "application/json")
        STORE.persist_task_result(
            db_id, output, f"{name}-statistics.json", "entity/list", "application/json"
        )
    report = render_template(
        "entity_statistics/report.html", name=name, statistics=statistics
    )
    STORE.persist_task_result(
        db_id, report, f"{name}-report.html", "custom/report", "text/html"
    )
    return f"Described {len(statistics)} columns."
