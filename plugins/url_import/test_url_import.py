"""Tests of url-import, with a web server on this machine."""

import gzip
import threading

import pytest
from requests.exceptions import RequestException
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from qhana_plugin_runner.authoring import Task, TaskCancelled
from qhana_plugin_runner.testing.running import (
    InputRefused,
    TaskFailed,
    plugin_app,
    running,
)

from . import url_import

TABLE = "ID,x\n" + "".join(f"{n},{n * n}\n" for n in range(1000))


@Request.application
def web(request):
    """Answers as servers do."""
    if request.path == "/moved":
        return Response(status=302, headers={"Location": "/export?format=csv"})
    if request.path == "/to-file":
        return Response(status=302, headers={"Location": "file:///etc/passwd"})
    if request.path == "/export":
        named = "attachment; filename*=UTF-8''Gr%C3%B6%C3%9Fen.csv"
        return Response(
            TABLE,
            content_type="application/vnd.ms-excel",
            headers={"Content-Disposition": named, "X-Data-Type": "entity/list"},
        )
    if request.path == "/packed.csv":
        packed = gzip.compress(TABLE.encode())
        return Response(
            packed, content_type="text/csv", headers={"Content-Encoding": "gzip"}
        )
    if request.path == "/odd":
        return Response(b"?", content_type="", headers={"X-Data-Type": "<script>"})
    if request.path == "/..%2F..%2Fup":
        return Response(b"up")
    return Response("There is nothing here.", 404)


@pytest.fixture(scope="module")
def site():
    server = make_server("127.0.0.1", 0, web, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_name_and_types_are_those_of_the_answer(run_plugin, site):
    (output,) = run_plugin("url-import", url=f"{site}/moved").outputs
    assert (output.name, output.data_type) == ("Größen.csv", "entity/list")
    assert output.content_type == "text/csv"
    assert output.text == TABLE


def test_types_may_be_told(run_plugin, site):
    inputs = {"data_type": "custom/squares", "content_type": "text/plain"}
    (output,) = run_plugin("url-import", url=f"{site}/export", **inputs).outputs
    assert (output.data_type, output.content_type) == ("custom/squares", "text/plain")


def test_a_compressed_body_is_unpacked(run_plugin, site):
    task = run_plugin("url-import", url=f"{site}/packed.csv")
    assert task.outputs["packed.csv"].text == TABLE
    assert f"Copied packed.csv: {len(TABLE)} bytes, text/csv" in task.log


def test_what_a_server_says_is_not_believed_blindly(run_plugin, site):
    (output,) = run_plugin("url-import", url=f"{site}/odd").outputs
    assert (output.data_type, output.content_type) == ("*", "application/octet-stream")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/y", "data:,x", "x", "http://", "https:///x"]
)
def test_other_urls_are_refused(run_plugin, url):
    with pytest.raises(InputRefused, match="begins with http:// or https://"):
        run_plugin("url-import", url=url)


def test_passwords_are_refused(run_plugin):
    with pytest.raises(InputRefused, match="Leave user and password out"):
        run_plugin("url-import", url="https://me:secret@example.org/")


def test_an_error_of_the_server_is_one_of_the_task(run_plugin, site):
    with pytest.raises(TaskFailed, match="404"):
        run_plugin("url-import", url=f"{site}/missing")
    with pytest.raises(TaskFailed, match="only redirects to http and https"):
        run_plugin("url-import", url=f"{site}/to-file")


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"URL_FETCH_ALLOW": ["public"]}, "/export"),
        ({"URL_FETCH_MAX_BYTES": 100}, "/export"),
        ({"URL_FETCH_MAX_BYTES": 5000}, "/packed.csv"),
    ],
)
def test_a_refusal_names_the_setting(plugin_folders, site, settings, path):
    with plugin_app(plugin_folders, **settings) as app, running(app) as run:
        with pytest.raises(TaskFailed, match=next(iter(settings))):
            run("url-import", url=site + path)


def test_addresses_of_clouds_are_never_fetched(run_plugin):
    with pytest.raises(TaskFailed, match="never fetched"):
        run_plugin("url-import", url="http://169.254.169.254/latest/meta-data/")


def test_it_can_be_canceled(app, site):
    task = Task()
    task.cancelled = True
    with pytest.raises(TaskCancelled):
        url_import(task, f"{site}/export")
    assert not task.saved
    with pytest.raises(RequestException):
        url_import(Task(), f"{site}/missing")
