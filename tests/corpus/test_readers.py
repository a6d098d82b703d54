"""Every reader of the runner on files as the world makes them."""

import csv
import io
import json
import re

import pytest
import requests
from corpus.cases import CASES, FOLDER, TABLES
from helpers.html_tree import read_html

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


def started(answer):
    """The task that a plugin has started."""
    assert answer.status_code == 303, answer.text
    return ProcessingTask.get_by_id(int(answer.location.rstrip("/").rpartition("/")[2]))


def run_statistics(client, **form):
    """Start the statistics as a client does, and do the work of its worker."""
    task = started(client.post(f"/plugins/{STATISTICS}/process/", data=form))
    CELERY.tasks[f"{STATISTICS}.statistics_task"](db_id=task.id)
    (found,) = [file for file in task.outputs if file.file_type == "entity/list"]
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


def part(case):
    """The file as a part of a form, as browsers send it."""
    return io.BytesIO(case.content), case.name, case.declared


@pytest.mark.parametrize("case", CASES[::5], ids=lambda case: case.name)
def test_statistics_of_a_part(client, case):
    form = {"entitiesFile": part(case)}
    if case.entities is None:
        with pytest.raises(EntityError, match=case.error):
            run_statistics(client, **form)
    else:
        check_statistics(run_statistics(client, **form), case)


def check_kept(client, href, case):
    """Get a file that was uploaded, and read it as plugins do."""
    response = requests.Response()
    with client.get(href) as answer:
        assert (answer.status_code, answer.data) == (200, case.content)
        response.headers.update(answer.headers)
        response._content = answer.data
    entities = load_entities(response, get_mimetype(response))
    if case.entities is None:
        with pytest.raises(EntityError, match=case.error):
            list(ensure_dict(entities))
    else:
        assert repr(list(ensure_dict(entities))) == repr(case.entities)


@pytest.fixture
def upload(client):
    def upload(case):
        form = {"file": part(case), "dataType": "entity/list"}
        answer = client.post("/files/", data=form)
        assert answer.status_code == 201, answer.text
        return answer.json

    return upload


@each_case
def test_upload(client, upload, case):
    kept = upload(case)
    assert kept["contentType"] == case.declared
    check_kept(client, kept["href"], case)


@each_case
def test_file_upload_plugin(client, case):
    form = {"file": part(case), "dataType": "entity/list"}
    answer = client.post("/plugins/file-upload@v1-0-0/process/", data=form)
    (kept,) = started(answer).outputs
    assert (kept.mimetype, kept.file_name) == (case.declared, case.name)
    with client.application.test_request_context():
        href = STORE.get_task_file_url(kept)
    check_kept(client, href, case)


@each_case
def test_preview(client, upload, case):
    answer = client.get("/workbench/preview", query_string={"url": upload(case)["href"]})
    assert answer.status_code == 200
    page = read_html(answer.text)
    if case.entities is None:
        assert re.search(case.error, page.words)
        return
    head, body = page.all("th"), page.one("tbody").all("tr")
    found = [head, *(row.all("td") for row in body)]
    assert [[cell.text for cell in row] for row in found] == table_of(case)


def table_of(case):
    """The header and the rows that a table has to show."""
    columns = case.columns
    rows = [[each.get(name) for name in columns] for each in case.entities]
    return [[shown(cell) for cell in row] for row in case.table or [columns, *rows]]


def shown(value):
    """What a cell has in it: text as it is, and other values as JSON."""
    if value is None:
        return ""
    if not isinstance(value, str):
        value = re.sub("-?Infinity|NaN", "null", json.dumps(value, ensure_ascii=False))
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
