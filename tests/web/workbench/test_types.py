"""What the demo plugins and the workbench take files for that people and servers bring."""

import io

import pytest
from helpers.plugins import isolated_plugins
from helpers.processes import wait_until
from helpers.product import CHECKOUT
from helpers.worker import QUICK, working

from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    EntityMimetypeError,
    load_entities,
)
from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.util.content_types import content_type_of

SECONDS = 60
CSV, LINES = "text/csv", "application/X-lines+json"

BROUGHT = [
    ("Book1.csv", "application/vnd.ms-excel", CSV),
    ("Book1.xls", "application/vnd.ms-excel", "application/vnd.ms-excel"),
    ("export", "text/csv", CSV),
    ("a.csv", "application/csv", CSV),
    ("a", "text/x-csv", CSV),
    ("a", "text/comma-separated-values; charset=latin-1", f"{CSV}; charset=latin-1"),
    ("a", "application/x-ndjson", LINES),
    ("a.jsonl", "application/jsonl", LINES),
    ("a.ndjson", "application/octet-stream", LINES),
    ("a.csv", "text/plain", CSV),
    ("a.CSV", "", CSV),
    ("data.csv.gz", "application/octet-stream", "application/gzip"),
    ("l.csv", "text/csv; charset=iso-8859-1", f"{CSV}; charset=iso-8859-1"),
    ("данные.csv", "application/octet-stream", CSV),
    ("データ.json", "", "application/json"),
    ("مرحبا.csv", "binary/octet-stream", CSV),
    ("notes.txt", "text/plain", "text/plain"),
    ("what", "no type", "application/octet-stream"),
    ("page.html", "text/plain; charset=utf-8", "text/plain; charset=utf-8"),
    ("script.py", "text/plain", "text/plain"),
    ("page.html", "application/vnd.ms-excel", "application/vnd.ms-excel"),
    ("page.html", "application/octet-stream", "text/html"),
    ("data.csv.gz", "text/plain", "application/gzip"),
    ("data.csv.bz2", "application/vnd.ms-excel", "application/bzip2"),
    ("a.json", "text/plain; charset=utf-8", "application/json; charset=utf-8"),
    ("a.csv", "text/*", CSV),
]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An app with the demo plugins, and a worker."""
    folder = tmp_path_factory.mktemp("types")
    with isolated_plugins(folder) as plugins:
        app = plugins.app(
            CHECKOUT / "plugins",
            CELERY=QUICK,
            FILE_STORE_ROOT_PATH=str(folder / "files"),
        )
        with working():
            yield app


@pytest.fixture
def finished(client):
    """Follow a redirect to a task, and return its status when it has ended."""

    def finished(answer):
        assert answer.status_code == 303, answer.text
        status = {}

        def has_ended():
            status.update(client.get(answer.location).json)
            return status["status"] != "PENDING"

        wait_until(has_ended, SECONDS, "the end of the task")
        return status

    return finished


def part(content, name, declared):
    headers = {"content_type": declared} if declared else {}
    return (io.BytesIO(content), name, *headers.values())


def test_each_type_is_told_by_what_was_declared_and_by_name():
    for name, declared, expected in BROUGHT:
        found = content_type_of(declared, name) or "application/octet-stream"
        assert found == expected, (name, declared)


@pytest.mark.parametrize(
    "declared", ["application/csv", "Text/X-CSV; header=present", "text/plain", None]
)
def test_entity_readers_take_them(tmp_path, declared):
    (tmp_path / "данные.csv").write_text("ID,x\na,1\n", "utf-8")
    with open_url((tmp_path / "данные.csv").as_uri(), stream=True) as response:
        assert [entity.x for entity in load_entities(response, declared)] == ["1"]


def test_entity_readers_do_not_guess_what_nobody_knows(tmp_path):
    (tmp_path / "export").write_text("ID,x\na,1\n", "utf-8")
    with open_url((tmp_path / "export").as_uri(), stream=True) as response:
        with pytest.raises(EntityMimetypeError, match="'text/plain'"):
            list(load_entities(response, "text/plain"))


@pytest.mark.parametrize("name, declared, expected", BROUGHT[2::4])
def test_uploads_get_these_types(client, finished, name, declared, expected):
    data = {"dataType": "entity/list", "file": part(b"x", name, declared)}
    kept = client.post("/files/", data=data).json
    assert (kept["contentType"], kept["name"]) == (expected, name)

    data = {"dataType": "entity/list", "file": part(b"x", name, declared)}
    task = finished(client.post("/plugins/file-upload@v1-0-0/process/", data=data))
    (output,) = task["outputs"]
    assert (output["contentType"], output["name"]) == (expected, name)


@pytest.mark.parametrize(
    "chosen, expected",
    [
        ("text/csv; charset=iso-8859-1", "text/csv; charset=iso-8859-1"),
        ("application/x-ndjson", LINES),
        ("text/plain", "text/plain"),
    ],
)
def test_a_type_that_is_chosen_in_the_form_counts(client, finished, chosen, expected):
    data = {"dataType": "entity/list", "contentType": chosen}
    kept = client.post("/files/", data={**data, "file": (io.BytesIO(b"x"), "a.csv")}).json
    assert kept["contentType"] == expected
    answer = client.post(
        "/plugins/file-upload@v1-0-0/process/",
        data={**data, "file": (io.BytesIO(b"x"), "a.csv")},
    )
    assert finished(answer)["outputs"][0]["contentType"] == expected


@pytest.mark.parametrize("chosen", ["*/*", "text/*", "text"])
def test_what_stands_for_many_types_is_none(client, chosen):
    for url in ("/files/", "/plugins/file-upload@v1-0-0/process/"):
        data = {"dataType": "entity/list", "contentType": chosen}
        answer = client.post(url, data={**data, "file": (io.BytesIO(b"x"), "a.csv")})
        assert answer.status_code == 422
        assert answer.json["errors"]["form"] == {"contentType": ["Not a mime type."]}


@pytest.mark.parametrize(
    "name, declared, content, stem",
    [
        ("данные.csv", "text/csv", "ID,x\na,1\n", "данные"),
        ("数据.csv", "", "ID,x\na,1\n", "数据"),
        ("Book1.csv", "application/vnd.ms-excel", "ID,x\na,1\n", "Book1"),
        ("export", "text/csv; charset=utf-16", "ID,x\na,1\n", "export"),
        ("отчёт 2024.jsonl", "text/plain", '{"ID": "a", "x": 1}\n', "отчёт_2024"),
        ("export", "application/x-ndjson", '{"ID": "a", "x": 1}\n', "export"),
        ("half.json", "text/json", r'[{"ID": "a", "\ud83d": 1}]', "half"),
        ("half.jsonl", "", r'{"ID": "\udc00", "x": "\ud83d"}', "half"),
    ],
)
def test_statistics_read_them(client, finished, name, declared, content, stem):
    body = content.encode("utf-16" if "utf-16" in declared else "utf-8")
    answer = client.post(
        "/plugins/entity-statistics@v1-0-0/process/",
        data={"entitiesFile": part(body, name, declared)},
    )
    task = finished(answer)
    assert task["status"] == "SUCCESS", task["log"]
    assert [output["name"] for output in task["outputs"]] == [
        f"{stem}-statistics.json",
        f"{stem}-report.html",
    ]
