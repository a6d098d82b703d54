"""Every reader of the runner on files as the world makes them."""

import csv
import json

import pytest
from corpus.cases import CASES, FOLDER, TABLES

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    EntityError,
    ensure_dict,
    load_entities,
)
from qhana_plugin_runner.requests import get_mimetype, open_url
from qhana_plugin_runner.storage import STORE

STATISTICS = "entity-statistics@v1-0-0"

each_case = pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.name} {c.declared}")


def test_each_file_is_a_case():
    files = {path.name for path in FOLDER.iterdir() if not path.name.startswith(".")}
    assert files == {case.name for case in CASES}


def served(site, case):
    return site.put(f"/{case.name}", case.content, Content_Type=case.declared)


def entities_of(url, **options):
    with open_url(url, stream=True) as response:
        mimetype = get_mimetype(response)
        return list(ensure_dict(load_entities(response, mimetype, **options)))


@each_case
def test_load_entities(site, case):
    if case.entities is None:
        with pytest.raises(EntityError, match=case.error):
            entities_of(served(site, case))
    else:
        # "nan" equals itself only in writing
        assert repr(entities_of(served(site, case))) == repr(case.entities)


@pytest.mark.parametrize("case", [c for c in TABLES if c.told], ids=lambda c: c.name)
def test_load_entities_with_a_dialect(site, case):
    class Dialect(csv.excel):
        delimiter = case.delimiter

    assert entities_of(served(site, case), csv_dialect=Dialect) == case.told


@pytest.mark.parametrize("case", [c for c in TABLES if c.columns], ids=lambda c: c.name)
def test_the_header_of_a_table(site, case):
    seen = []
    entities_of(
        served(site, case), process_csv_header=lambda names: seen.extend(names) or names
    )
    assert list(dict.fromkeys(seen)) == case.columns


def run_statistics(client, **form):
    """Start the statistics as a client does, and do the work of its worker."""
    answer = client.post(f"/plugins/{STATISTICS}/process/", data=form)
    assert answer.status_code == 303, answer.text
    task = ProcessingTask.get_by_id(int(answer.location.rstrip("/").rpartition("/")[2]))
    CELERY.tasks[f"{STATISTICS}.statistics_task"](db_id=task.id)
    (found,) = [file for file in task.outputs if file.mimetype == "application/json"]
    with STORE.open(found) as file:
        return json.loads(file.read(), parse_constant=pytest.fail)


def is_missing(value):
    return value is None or value != value or str(value).strip() in ("", "NA")


def check_statistics(found, case):
    assert [column["ID"] for column in found] == case.columns
    for column in found:
        values = [entity.get(column["ID"]) for entity in case.entities]
        missing = sum(is_missing(value) for value in values)
        assert (column["missing"], column["count"]) == (missing, len(values) - missing)
        expected = case.numbers.get(column["ID"], (None, None))
        assert (column["min"], column["max"]) == expected, column["ID"]


@each_case
def test_statistics(client, site, case):
    url = served(site, case)
    if case.entities is None:
        with pytest.raises(EntityError, match=case.error):
            run_statistics(client, entitiesUrl=url)
    else:
        check_statistics(run_statistics(client, entitiesUrl=url), case)
