"""File stores, as plugins call them and as they bring their own."""

import io
import re
import sys
import threading
from tempfile import SpooledTemporaryFile

import pytest
import urllib3
from helpers.plugins import plugin_source
from helpers.site import Site, serving
from werkzeug.http import parse_options_header

from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.storage import STORE, FileStore
from qhana_plugin_runner.tasking import life_cycle


@pytest.fixture
def app(empty_app):
    return empty_app


def content_of(info):
    with STORE.open(info) as file:
        return file.read()


def test_a_result_is_kept_by_position_and_by_name(task):
    one = STORE.persist_task_result(task.id, "text", "a.txt", "x/y", "text/plain")
    two = STORE.persist_task_result(
        task_db_id=task.id,
        file_=b"bytes",
        file_name="b.bin",
        file_type="x/z",
        mimetype="application/octet-stream",
        commit=True,
        storage_provider="local_filesystem",
    )
    assert task.outputs == [one, two]
    assert (content_of(one), content_of(two)) == (b"text", b"bytes")


def test_a_temporary_file_is_never_listed_as_output(task, client):
    info = STORE.persist_task_temp_file(task.id, "x", "t.txt", mimetype="text/plain")
    task.task_status, task.finished_at = "SUCCESS", task.started_at
    task.save(commit=True)
    assert info.file_type == "temp-file"
    assert client.get(f"/tasks/{task.id}/").json["outputs"] == []


def test_a_file_is_kept_under_a_path(context, tmp_path):
    STORE.persist_file("text", "some/file.txt", "text/plain")
    STORE.persist_file(
        file_=b"x", target="b", mimetype="a/b", storage_provider="local_filesystem"
    )
    assert (tmp_path / "files" / "some" / "file.txt").read_text() == "text"


def test_urls_are_for_clients_or_for_the_runner(app, task):
    info = STORE.persist_task_result(task.id, "x", "a.txt", "x/y", "text/plain")
    with app.test_request_context():
        assert STORE.get_task_file_url(info).startswith("http://localhost/files/")
    internal = STORE.get_task_file_url(info, external=False)
    assert internal == STORE.get_file_url(info.file_storage_data, external=False)
    assert internal.startswith("file:///")


def test_a_file_is_opened_as_binary_in_a_with_block(task):
    info = STORE.persist_task_result(task.id, "ä", "a.txt", "x/y", "text/plain")
    with STORE.open(info) as file:
        assert file.read() == "ä".encode()


@pytest.mark.parametrize("mimetype", ["", " ", None])
def test_a_result_whose_mime_type_nobody_knows_is_listed_as_bytes(task, client, mimetype):
    temp = STORE.persist_task_temp_file(task.id, "x", "t.txt", mimetype)
    info = STORE.persist_task_result(task.id, "x", "a.csv", "x/y", mimetype)
    assert info.mimetype == temp.mimetype == "application/octet-stream"
    life_cycle.succeed(task.id)
    (output,) = client.get(f"/tasks/{task.id}/").json["outputs"]
    assert output["contentType"] == "application/octet-stream"


@pytest.mark.parametrize(
    "name, shown, sent",
    [
        ("sub/dir/x.csv", "sub/dir/x.csv", "x.csv"),
        ("../a/../b c.csv", "b c.csv", "b c.csv"),
    ],
)
def test_names_keep_relative_folders_and_lead_nowhere_else(
    task, client, name, shown, sent
):
    info = STORE.persist_task_result(task.id, "x", name, "x/y", "text/csv")
    life_cycle.succeed(task.id)
    (output,) = client.get(f"/tasks/{task.id}/").json["outputs"]
    assert output["name"] == info.file_name == shown
    answer = client.get(output["href"], buffered=True)
    assert parse_options_header(answer.headers["Content-Disposition"])[1] == {
        "filename": sent
    }


def test_stores_work_outside_of_an_app_context(app, task):
    info = STORE.persist_task_result(task.id, "x", "a.txt", "x/y", "text/plain")
    data = info.file_storage_data
    found = []

    def outside():
        STORE.persist_file("y", "own.txt", "text/plain")
        found.append(STORE["local_filesystem"].app)
        found.append(STORE.get_file_url(data, external=False))

    thread = threading.Thread(target=outside)  # a context belongs to its thread
    thread.start()
    thread.join()
    assert found == [app, STORE.get_file_url(data)]


def test_stores_are_found_by_name(context):
    assert STORE["local_filesystem"].name == "local_filesystem"
    assert STORE["url_file_store"].name == "url_file_store"


KINDS = {
    "text": "content",
    "bytes": b"content",
    "spooled": SpooledTemporaryFile,
    "binary": lambda: io.BytesIO(),
    "string": lambda: io.StringIO(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_text_bytes_or_any_file_object_which_is_rewound(task, kind):
    file = KINDS[kind]
    if callable(file):
        file = file()
        file.write("content" if kind == "string" else b"content")
    info = STORE.persist_task_result(task.id, file, "f", "x/y", "text/plain")
    assert content_of(info) == b"content"
    if hasattr(file, "close"):
        file.close()


def test_a_file_may_be_a_response_of_urllib3(task):
    response = urllib3.HTTPResponse(io.BytesIO(b"content"), preload_content=False)
    info = STORE.persist_task_result(task.id, response, "f", "x/y", "text/plain")
    assert content_of(info) == b"content"


MEMORY_STORE = """\
from contextlib import contextmanager
from io import BytesIO

from qhana_plugin_runner.storage import FileStore

FILES = {}


class MyStore(FileStore, name="memory"):
    def __init__(self, app):
        super().__init__(app)
        self.prefix = app.config["MEMORY_PREFIX"]

    def persist_file(self, file_, target, mimetype, storage_provider=None):
        FILES[self._get_file_identifier(target)] = file_.encode()

    def _get_file_identifier(self, target):
        return f"{self.prefix}{target}"

    def get_file_url(self, file_storage_data, external=True):
        return f"memory:{file_storage_data}"

    @contextmanager
    def open(self, file_info):
        yield BytesIO(FILES[file_info.file_storage_data])
"""


def test_a_plugin_brings_a_store_which_is_constructed_with_the_app(plugins):
    known = dict(FileStore.known)
    try:
        plugins.write("memory_store.py", plugin_source("memory", more=MEMORY_STORE))
        app = plugins.app(MEMORY_PREFIX="p:")
        with app.test_request_context():
            task = ProcessingTask("a-task")
            task.save(commit=True)
            info = STORE.persist_task_result(
                task.id, "x", "a.txt", "x/y", "text/plain", storage_provider="memory"
            )
            assert list(sys.modules["memory_store"].FILES) == [info.file_storage_data]
            assert info.file_storage_data.startswith(f"p:task_{task.id}/out/")
            assert content_of(info) == b"x"
            assert STORE.get_task_file_url(info) == f"memory:{info.file_storage_data}"
            assert STORE["memory"].app is app
    finally:
        FileStore.known.clear()
        FileStore.known.update(known)


SERVED_STORE = """\
from qhana_plugin_runner.storage import FileStore

CALLS = []


class MyStore(FileStore, name="served"):
    def __init__(self, app):
        super().__init__(app=app)
        self.url = None

    def init_app(self, app):
        super().init_app(app)
        assert self.url is None
        self.url = app.config["SERVED_URL"]

    def persist_file(self, file_, target, mimetype):
        assert file_ == b"content"

    def get_file_url(self, file_storage_data, external=True):
        return f"{self.url}/{file_storage_data}"

    def get_task_file_url(self, file_info, external=True):
        return super().get_task_file_url(file_info, external=external)

    def _persist_task_file(
        self, task_db_id, file_, target, file_name, file_type, mimetype, commit
    ):
        CALLS.append((task_db_id, file_name, file_type, mimetype, commit))
        return super()._persist_task_file(
            task_db_id, file_, "fixed.csv", file_name, file_type, mimetype, commit
        )
"""


def test_a_store_without_open_is_read_from_the_urls_of_its_files(plugins):
    known = dict(FileStore.known)
    site = Site()
    try:
        plugins.write("served_store.py", plugin_source("served", more=SERVED_STORE))
        with serving(site) as url:
            site.put("/fixed.csv", b"content")
            app = plugins.app(SERVED_URL=url, DEFAULT_FILE_STORE="served")
            with app.app_context():
                task = ProcessingTask("a-task")
                task.save(commit=True)
                info = STORE.persist_task_result(
                    task.id, b"content", "a.csv", "x/y", "text/csv"
                )
                assert (info.file_storage_data, info.file_name) == ("fixed.csv", "a.csv")
                called = (task.id, "a.csv", "x/y", "text/csv", True)
                assert sys.modules["served_store"].CALLS == [called]
                with STORE.open(info) as file:
                    assert file.read(3) == b"con"
                    file.seek(0)
                    assert file.read() == b"content"
    finally:
        FileStore.known.clear()
        FileStore.known.update(known)


def test_the_url_store_keeps_the_url_that_it_is_given(task):
    info = STORE.persist_task_result(
        task.id, "http://x/y", "n", "x/y", "a/b", storage_provider="url_file_store"
    )
    assert STORE.get_task_file_url(info) == "http://x/y"


def test_files_of_a_task_are_in_its_folders_out_and_tmp(task):
    out = STORE.persist_task_result(task.id, "x", "a.txt", "x/y", "text/plain")
    tmp = STORE.persist_task_temp_file(task.id, "x", "b.txt")
    assert re.fullmatch(rf"task_{task.id}/out/.*a\.txt", out.file_storage_data)
    assert re.fullmatch(rf"task_{task.id}/tmp/.*b\.txt", tmp.file_storage_data)


@pytest.mark.parametrize(
    "data",
    [
        "/app/instance/files/task_1/out/out.txt",
        "/task_1/out/out.txt",
        "/data/task_9/out/copy/task_1/out/out.txt",
        "task_1/out/out.txt",
    ],
)
def test_rows_of_the_original_are_found_by_their_end(task, client, tmp_path, data):
    path = tmp_path / "files" / "task_1" / "out" / "out.txt"
    path.parent.mkdir(parents=True)
    path.write_text("old")
    row = TaskFile(task, "tag", "local_filesystem", "out.txt", data, "x/y", "text/plain")
    row.save(commit=True)
    assert content_of(row) == b"old"
    answer = client.get(f"/files/{row.id}/?file-id=tag", buffered=True)
    assert answer.text == "old"


@pytest.mark.parametrize("name", ["/etc/passwd", "../../../etc/passwd"])
def test_an_absolute_name_lets_nobody_read_files_of_the_host(task, client, name):
    info = STORE.persist_task_result(task.id, "mine", name, "x/y", "text/plain")
    url = f"/files/{info.id}/?file-id={info.security_tag}"
    assert client.get(url, buffered=True).text == "mine"
    assert info.file_name == "passwd"
    info.file_storage_data = name  # as the original would have written it
    info.save(commit=True)
    assert client.get(url).status_code == 404
