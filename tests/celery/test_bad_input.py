"""Bad input ends a task with one line that names cause and place, and the traceback below."""

import gzip
import json
import socket
from pathlib import Path

import pytest
from helpers.processes import wait_until
from helpers.runner import runner
from helpers.services import broker, worker

from qhana_plugin_runner.celery import CELERY

SECONDS = 60
PROCESS = "/plugins/bad-input@v1-0-0/process/"
PLUGIN = Path(__file__).with_name("bad_input")


@pytest.fixture(scope="module")
def app(tmp_path_factory, database_of_module):
    folder = tmp_path_factory.mktemp("runner")
    with broker(tmp_path_factory.mktemp("broker")) as url:
        settings = {"PLUGIN_FOLDERS": [str(PLUGIN)], **database_of_module}
        celery = {"broker_url": url, "result_backend": url}
        with runner(folder, CELERY=celery, **settings) as app:
            database = app.config["SQLALCHEMY_DATABASE_URI"]
            with worker(folder, url, [PLUGIN], "--pool", "solo", database=database):
                yield app
            CELERY.close()


@pytest.fixture
def ended(app):
    """Start work on the input and return the task when it has ended."""

    def ended(work, **data):
        client = app.test_client()
        answer = client.post(PROCESS, data={"work": work, **data})
        assert answer.status_code == 303, answer.text

        def task():
            return client.get(answer.location).get_json()

        wait_until(lambda: task()["status"] != "PENDING", SECONDS, "the end")
        return task()

    return ended


@pytest.fixture
def failure(ended):
    """Start work on the input and return the first line of its failure."""

    def failure(work, **data):
        task = ended(work, **data)
        assert task["status"] == "FAILURE"
        first, second, *_others = task["log"].split("\n")
        assert second.startswith("Traceback")
        return first

    return failure


def test_a_field_of_the_wrong_type_is_refused_and_named(app):
    answer = app.test_client().post(
        PROCESS, data={"work": "do-nothing", "number": "many"}
    )
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == {"form": {"number": ["Not a valid integer."]}}


def test_a_result_for_an_unknown_task(failure):
    line = failure("do-nothing", number=4711)
    assert line.startswith("Task failed with KeyError: ")
    assert "there is no task with id 4711" in line


def test_a_table_with_a_row_that_is_too_long(failure, tmp_path):
    rows = ["ID,x,y", *(f"{n},1,2" for n in range(1, 17)), "17,1,2,3", "18,1,2"]
    table = tmp_path / "table.csv"
    table.write_text("\r\n".join(rows))
    line = failure("read-entities", url=table.as_uri())
    assert line.startswith("Task failed with EntityRowError: ")
    assert "Row 17 (line 18)" in line
    assert "has 4 values, but the table has 3 columns" in line
    assert table.as_uri() in line


def test_json_that_is_cut_in_half(failure, tmp_path):
    whole = json.dumps([{"ID": str(n), "text": "long" * 9} for n in range(1000)])
    half = tmp_path / "half.json"
    half.write_text(whole[: len(whole) // 2])
    line = failure("read-entities", url=half.as_uri())
    assert line.startswith("Task failed with EntityJsonError: ")
    assert "cut off" in line and f"{len(whole) // 2} characters" in line
    assert half.as_uri() in line


def test_a_zip_that_is_none(failure, tmp_path):
    other = tmp_path / "other.zip"
    other.write_bytes(gzip.compress(b"this is something else"))
    line = failure("unpack", url=other.as_uri())
    assert line.startswith("Task failed with ZipArchiveError: ")
    assert "is no zip archive" in line and other.as_uri() in line


@pytest.mark.parametrize("work", ["read-entities", "unpack"])
def test_a_url_that_does_not_answer(failure, work):
    # bound, but nobody listens
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        line = failure(work, url=f"http://127.0.0.1:{port}/entities.csv")
    assert line.startswith("Task failed with ConnectionError: ")
    assert "127.0.0.1" in line and str(port) in line and "/entities.csv" in line


def test_a_store_that_is_not_there(failure):
    line = failure("keep-in", text="attic")
    assert line.startswith("Task failed with UnknownFileStore: ")
    assert "'attic'" in line and "local_filesystem" in line


def test_a_store_that_is_not_configured(failure):
    line = failure("keep-in", text="s3")
    assert line.startswith("Task failed with StoreNotConfigured: ")
    assert "S3_BUCKET" in line


@pytest.mark.parametrize(
    "name, shown",
    [("../../etc/passwd", "passwd"), ("nul\0.txt", "nul.txt"), ("", "file")],
)
def test_a_result_with_an_impossible_name_is_kept_under_a_possible_one(
    ended, name, shown
):
    task = ended("keep-as", text=name)
    assert task["status"] == "SUCCESS", task["log"]
    assert [output["name"] for output in task["outputs"]] == [shown]
