"""Names of files in headers: what the runner writes, its readers read as it was meant."""

import re
from io import BytesIO
from urllib.parse import unquote

import pytest
from helpers.runner import runner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from requests import Response
from werkzeug.http import parse_options_header

from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.requests import retrieve_filename
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.storage.store import shown_name

PARAMETER = re.compile(r"""; ([a-z*]+)=("(?:[^"\\]|\\.)*"|[^ ;"\\]+)""")


def as_browsers_do(header):
    """RFC 6266, 4.3: the extended parameter, else the plain one without its quotes."""
    kind, rest = header[:6], header[6:]
    assert kind == "inline" and not PARAMETER.sub("", rest)
    found = dict(PARAMETER.findall(rest))
    if "filename*" in found:
        charset, _language, name = found["filename*"].split("'")
        return unquote(name, charset, errors="strict")
    name = found["filename"]
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') else name


def as_werkzeug_does(header):
    return parse_options_header(header)[1]["filename"]


NAMES = st.text(min_size=1, max_size=60) | st.lists(
    st.sampled_from([*"\"\\;=*'%/.\r\n\0", "é", "数", "\u202e", "a", " ", "filename="])
).map("".join)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with runner(tmp_path_factory.mktemp("names")) as app:
        yield app


@pytest.fixture
def file(app):
    with app.test_request_context():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        yield STORE.persist_task_result(task.id, b"x", "x", "t", "text/plain")


def test_every_name_is_read_as_it_was_shown(app, file):
    client = app.test_client()

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(NAMES)
    @example("a\"; filename*=UTF-8''evil.exe; x=\"")
    @example("a\\")
    @example("C:\\x\\y.txt")
    @example("%2e%2e%2fx")
    def check(name):
        file.file_name = name.encode("utf-8", "replace").decode().replace("\0", "")
        file.save(commit=True)
        answer = client.get(
            f"/files/{file.id}/?file-id={file.security_tag}", buffered=True
        )
        header = answer.headers["Content-Disposition"]
        shown = shown_name(file.file_name).rpartition("/")[2]
        assert as_browsers_do(header) == as_werkzeug_does(header) == shown
        response = Response()
        response.raw, response.url = BytesIO(b""), "http://host/x"
        response.headers["Content-Disposition"] = header
        assert shown.startswith(retrieve_filename(response))

    check()
