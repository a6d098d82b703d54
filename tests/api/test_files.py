"""Downloads: ``/files/<id>/?file-id=<security tag>``."""

import base64
import hashlib

import pytest
from helpers.databases import on_each_database

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import TaskFile
from qhana_plugin_runner.storage import STORE

CONTENT = b"0123456789" * 10


@pytest.fixture
def file(task):
    return persist(task)


def persist(task, name="name.csv", mimetype="text/csv", content=CONTENT):
    return STORE.persist_task_result(task.id, content, name, "entity/list", mimetype)


@pytest.fixture
def get(client):
    def get(file, method="GET", **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"/files/{file.id}/?file-id={file.security_tag}"
        return client.open(url, method=method, headers=names, buffered=True)

    return get


def test_a_file_comes_with_its_mime_type_and_name(file, get):
    answer = get(file)
    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.content_length == 100
    assert answer.headers["Content-Disposition"] == "inline; filename=name.csv"


def test_the_digest_of_the_content_is_told(file, get):
    answer = get(file)
    digest = hashlib.sha256(CONTENT).digest()
    expected = f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert answer.headers["Repr-Digest"] == expected
    assert answer.headers["ETag"] == f'"{digest.hex()}"'


def test_a_file_that_is_another_one_than_expected_is_refused(file, get):
    answer = get(file, If_Match='"another"')
    assert answer.status_code == 412
    assert answer.json["code"] == 412 and answer.json["message"]


def test_a_row_of_an_older_runner_has_no_digest_but_an_etag(file, get):
    file.size = file.sha256 = None
    file.save(commit=True)
    answer = get(file)
    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert "Repr-Digest" not in answer.headers
    assert get(file, If_None_Match=answer.headers["ETag"]).status_code == 304


@pytest.mark.parametrize(
    "name, expected",
    [
        ("with space.txt", 'inline; filename="with space.txt"'),
        (
            "ünï 数.txt",
            "inline; filename=\"uni .txt\"; filename*=UTF-8''%C3%BCn%C3%AF%20%E6%95%B0.txt",
        ),
        ('quote".txt', r'inline; filename="quote\".txt"'),
        ("../../x", "inline; filename=x"),
    ],
)
def test_the_name_is_told_whatever_it_is(task, get, name, expected):
    assert get(persist(task, name)).headers["Content-Disposition"] == expected


def test_a_name_of_an_old_row_cannot_add_headers(file, get):
    file.file_name = "x\r\nX-Evil: 1"
    file.save(commit=True)
    answer = get(file)
    assert answer.status_code == 200
    assert "X-Evil" not in answer.headers


@pytest.mark.parametrize(
    "mimetype, expected",
    [
        ("application/json", "application/json"),
        ("application/X-lines+json", "application/X-lines+json"),
        ("text/html", "text/html; charset=utf-8"),
        ("text/csv; charset=latin-1", "text/csv; charset=latin-1"),
        ('Text/CSV; Charset="utf-16"', 'Text/CSV; Charset="utf-16"'),
        ("TEXT/csv", "TEXT/csv; charset=utf-8"),
        ("text/csv; header=present", "text/csv; header=present; charset=utf-8"),
        ("image/svg+xml", "image/svg+xml"),
        ("", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("text/html\r\nX-Evil: 1", "application/octet-stream"),
    ],
)
def test_the_mime_type_is_told_when_it_is_one(task, get, mimetype, expected):
    answer = get(persist(task, mimetype=mimetype))
    assert (answer.status_code, answer.content_type) == (200, expected)
    assert "X-Evil" not in answer.headers


def test_a_row_without_mime_type_is_served_as_bytes(file, get):
    file.mimetype = None
    file.save(commit=True)
    assert get(file).content_type == "application/octet-stream"


def test_browsers_must_not_trust_the_content(file, get):
    for answer in (get(file), get(file, Range="bytes=0-1"), get(file, "HEAD")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "sandbox allow-scripts"
        assert "X-Frame-Options" not in answer.headers


@pytest.mark.parametrize(
    "asked, content, told",
    [
        ("bytes=0-9", CONTENT[:10], "bytes 0-9/100"),
        ("bytes=95-", CONTENT[95:], "bytes 95-99/100"),
        ("bytes=-3", CONTENT[-3:], "bytes 97-99/100"),
        ("bytes=90-500", CONTENT[90:], "bytes 90-99/100"),
        ("bytes=-1000", CONTENT, "bytes 0-99/100"),
        ("bytes=-100", CONTENT, "bytes 0-99/100"),
        ("Bytes=99-99", CONTENT[99:], "bytes 99-99/100"),
    ],
)
def test_a_part_of_a_file_can_be_asked_for(file, get, asked, content, told):
    answer = get(file, Range=asked)
    assert (answer.status_code, answer.data) == (206, content)
    assert answer.headers["Content-Range"] == told
    assert answer.content_type == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    "asked",
    [
        "items=0-3",
        "bytes=0-1,5-6",
        "bytes=5-6,0-1",
        "bytes=0-1,200-300",
        "bytes=-3,0-1",
        "bytes=7-3",
        "bytes=a-b",
        "bytes=-0",
        "bytes=",
        "nonsense",
    ],
)
def test_what_is_not_one_part_is_answered_with_the_whole_file(file, get, asked):
    answer = get(file, Range=asked)
    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200,300-"])
def test_a_part_that_is_not_there_is_an_error_that_tells_the_size(file, get, asked):
    answer = get(file, Range=asked)
    assert (answer.status_code, answer.get_json()["code"]) == (416, 416)
    assert answer.headers["Content-Range"] == "bytes */100"


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=-1", "bytes=5-9"])
def test_an_empty_file_has_no_parts(task, get, asked):
    answer = get(persist(task, content=b""), Range=asked)
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("asked", ["bytes=0-1", "bytes=1000-"])
def test_head_knows_no_parts(file, get, asked):
    answer = get(file, "HEAD", Range=asked)
    assert (answer.status_code, answer.content_length) == (200, 100)


def test_a_file_that_the_client_has_is_not_sent_again(file, get):
    first = get(file)
    answer = get(file, If_None_Match=first.headers["ETag"])
    assert (answer.status_code, answer.data) == (304, b"")
    answer = get(file, If_Modified_Since=first.headers["Last-Modified"])
    assert answer.status_code == 304
    assert get(file, If_None_Match='"other"').status_code == 200


def test_a_part_is_only_sent_of_the_file_that_the_client_knows(file, get):
    etag = get(file).headers["ETag"]
    assert get(file, Range="bytes=0-1", If_Range=etag).status_code == 206
    assert get(file, Range="bytes=0-1", If_Range='"other"').status_code == 200


def test_head_tells_the_size(file, get):
    answer = get(file, "HEAD")
    assert (answer.status_code, answer.content_length, answer.data) == (200, 100, b"")


def assert_not_found(answer):
    assert answer.status_code == 404, answer.request.path
    error = answer.get_json()
    assert (error["code"], error["status"]) == (404, "Not Found")
    assert error["message"]


@on_each_database
def test_a_wrong_tag_finds_nothing(client, file):
    for tag in ("wrong", "", "ü", "%FF", "\0", "x" * 10_000):
        assert_not_found(client.get(f"/files/{file.id}/", query_string={"file-id": tag}))


def test_the_tag_of_another_file_finds_nothing(client, task, file):
    other = persist(task)
    assert_not_found(client.get(f"/files/{file.id}/?file-id={other.security_tag}"))


def test_a_missing_tag_is_an_error(client, file):
    answer = client.get(f"/files/{file.id}/")
    assert answer.status_code == 422
    assert "file-id" in answer.get_json()["errors"]["query"]


@on_each_database
def test_an_id_that_cannot_be_is_not_found(client, file):
    odd = ["abc", "-1", "0", "2", str(2**63), str(2**70), "9" * 5000, "١", "1.0"]
    for file_id in odd:
        assert_not_found(client.get(f"/files/{file_id}/?file-id={file.security_tag}"))


def test_a_file_that_was_deleted_from_disk_is_not_found(client, file, tmp_path, get):
    (tmp_path / "files" / file.file_storage_data).unlink()
    assert_not_found(get(file))


@pytest.mark.parametrize(
    "data", ["/etc/passwd", "../runner.db", "task_1/../../runner.db"]
)
def test_a_row_that_leads_outside_is_not_found(file, get, data):
    file.file_storage_data = data
    file.save(commit=True)
    assert_not_found(get(file))


@pytest.mark.parametrize("store", ["url_file_store", "not-installed"])
def test_a_file_in_another_store_is_not_found(task, get, store):
    file = TaskFile(task, "tag", store, "name", "http://host/", "type", "text/plain")
    file.save(commit=True)
    assert_not_found(get(file))


def test_temporary_files_can_be_downloaded_by_who_knows_their_tag(task, get):
    file = STORE.persist_task_temp_file(task.id, b"x", "x.txt", "text/plain")
    assert get(file).data == b"x"


def test_a_file_name_that_is_much_too_long_is_cut_not_refused(task, get):
    file = persist(task, "ü" * 2000)
    DB.session.refresh(file)
    assert get(file).status_code == 200
