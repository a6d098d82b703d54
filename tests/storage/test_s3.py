"""The S3 store: where objects are, how clients get them, and what failures look like."""

import io
import re
from urllib.parse import urlsplit

import pytest
import requests
from helpers.runner import runner

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import TaskFile
from qhana_plugin_runner.storage import (
    STORE,
    MissingFile,
    StorageError,
    StoreNotConfigured,
)
from qhana_plugin_runner.storage.s3_object import S3Object
from qhana_plugin_runner.util.config import ConfigError
from qhana_plugin_runner.util.current_message import CurrentMessage, working_on

CONTENT = b"0123456789" * 10


@pytest.fixture
def app(tmp_path, s3_settings):
    with runner(tmp_path, DEFAULT_FILE_STORE="s3", **s3_settings) as app:
        yield app


@pytest.fixture
def objects(s3_client, s3_settings):
    """Return what is kept: content type and content by key."""
    place = {"Bucket": s3_settings["S3_BUCKET"]}

    def objects():
        listed = s3_client.list_objects_v2(**place, Prefix=s3_settings["S3_KEY_PREFIX"])
        found = {}
        for entry in listed.get("Contents", []):
            answer = s3_client.get_object(**place, Key=entry["Key"])
            found[entry["Key"]] = (answer["ContentType"], answer["Body"].read())
        return found

    return objects


def persist(task, content=CONTENT, name="naïve.csv"):
    return STORE.persist_task_result(task.id, content, name, "entity/list", "text/csv")


def test_an_object_has_its_mime_type_and_the_path_of_a_file_as_key(
    task, objects, s3_settings
):
    info = persist(task)
    assert re.fullmatch(rf"task_{task.id}/out/[^/]+/naïve\.csv", info.file_storage_data)
    key = s3_settings["S3_KEY_PREFIX"] + info.file_storage_data
    assert objects() == {key: ("text/csv; charset=utf-8", CONTENT)}


def test_a_bucket_may_be_moved_to_another_prefix(app, task, s3_client, s3_settings):
    info = persist(task)
    old = s3_settings["S3_KEY_PREFIX"] + info.file_storage_data
    new = "elsewhere/" + info.file_storage_data
    source = {"Bucket": s3_settings["S3_BUCKET"], "Key": old}
    s3_client.copy_object(Bucket=source["Bucket"], Key=new, CopySource=source)
    s3_client.delete_object(**source)
    with pytest.raises(MissingFile, match="has no object"):
        STORE.open(info)
    app.config["S3_KEY_PREFIX"] = "elsewhere/"
    with STORE.open(info) as file:
        assert file.read() == CONTENT


def get(client, info, **headers):
    url = f"/files/{info.id}/?file-id={info.security_tag}"
    return client.get(url, headers=headers, buffered=True)


def test_a_download_comes_through_the_runner(task, client):
    info = persist(task)
    answer = get(client, info)
    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.content_length == 100
    assert answer.headers["Content-Disposition"].startswith("inline; filename=naive.csv")
    part = get(client, info, Range="bytes=10-14")
    assert (part.status_code, part.data) == (206, b"01234")
    again = get(client, info, **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_range_is_fetched_without_what_stands_before_it(task, client, monkeypatch):
    info = persist(task, b"x" * 5_000_000 + b"end")
    asked = []
    read = S3Object._read

    def counting(self, size):
        asked.append((self.tell(), size))
        return read(self, size)

    monkeypatch.setattr(S3Object, "_read", counting)
    assert get(client, info, Range="bytes=-3").data == b"end"
    assert [position for position, _size in asked] == [5_000_000]


def test_a_download_can_be_sent_on_to_the_bucket(app, task, client):
    app.config["S3_DOWNLOAD"] = "presigned"
    info = persist(task)
    with app.test_request_context():
        assert urlsplit(STORE.get_task_file_url(info)).path == f"/files/{info.id}/"
    answer = get(client, info)
    assert answer.status_code == 307
    assert answer.headers["Cache-Control"] == "no-store"
    received = requests.get(answer.location, timeout=10)
    assert received.content == CONTENT
    assert received.headers["Content-Type"] == "text/csv; charset=utf-8"
    named = received.headers["Content-Disposition"]
    assert named == "inline; filename*=UTF-8''na%C3%AFve.csv"
    address = f"/files/{info.id}/?file-id={info.security_tag}"
    assert client.head(address).content_length == 100
    # Pages of the runner show nothing that comes from other hosts.
    shown = client.get("/workbench/content", query_string={"url": address})
    assert (shown.status_code, shown.data) == (200, CONTENT)
    bare = answer.location.partition("?")[0]
    assert requests.get(bare, timeout=10).status_code == 403


def test_clients_are_sent_to_the_address_that_they_reach(app, task, client):
    app.config.update(
        S3_DOWNLOAD="presigned", S3_PUBLIC_ENDPOINT_URL="https://s3.example"
    )
    answer = get(client, persist(task))
    assert answer.location.startswith("https://s3.example/runner/")


def test_a_file_that_is_gone_is_not_found(task, client, s3_client, s3_settings):
    info = persist(task)
    key = s3_settings["S3_KEY_PREFIX"] + info.file_storage_data
    s3_client.delete_object(Bucket=s3_settings["S3_BUCKET"], Key=key)
    answer = get(client, info)
    assert answer.status_code == 404
    assert answer.json["message"] == "This file no longer exists."


def test_a_source_that_fails_leaves_no_object(task, objects):
    class Failing(io.BytesIO):
        def read(self, *args):
            if self.tell() >= 20_000_000:  # in the third part of an upload
                raise OSError("the source is gone")
            return super().read(*args)

    with pytest.raises(OSError, match="source is gone"):
        persist(task, Failing(bytes(30_000_000)))
    assert objects() == {}
    DB.session.commit()
    assert TaskFile.get_task_result_files(task) == []


def test_without_a_bucket_the_missing_setting_is_named(tmp_path):
    with pytest.raises(ConfigError, match="set S3_BUCKET"):
        with runner(tmp_path, DEFAULT_FILE_STORE="s3"):
            pass
    with runner(tmp_path) as app, app.app_context():
        with pytest.raises(StoreNotConfigured, match="set S3_BUCKET"):
            STORE["s3"]


@pytest.mark.parametrize("url", ["minio:9000", "s3://minio", "http:///"])
def test_an_endpoint_that_is_no_url_is_named_at_the_start(tmp_path, url):
    with pytest.raises(ConfigError, match="S3_ENDPOINT_URL .* must be a URL like"):
        with runner(tmp_path, S3_ENDPOINT_URL=url):
            pass


def test_a_setting_that_boto3_does_not_take_is_named(app, task, client):
    info = persist(task)
    app.config.update(S3_REGION="no region", S3_DOWNLOAD="presigned")
    app.extensions["file_stores"].clear()
    with pytest.raises(StoreNotConfigured, match="no region"):
        STORE.open(info)
    assert get(client, info).status_code == 503


def test_a_file_that_was_kept_under_any_path_is_found_under_it(app, context):
    STORE.persist_file(CONTENT, "reports/my file.csv", "text/csv")
    url = STORE.get_file_url("reports/my file.csv", external=False)
    assert requests.get(url, timeout=10).content == CONTENT


def test_a_file_needs_no_mime_type(app, context, objects):
    STORE.persist_file(CONTENT, "file", None)
    ((kind, _content),) = objects().values()
    assert kind == "application/octet-stream"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"S3_BUCKET": "no"}, "InvalidBucketName"),
        ({"S3_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"S3_ACCESS_KEY_ID": "wrong"}, "InvalidAccessKeyId"),
    ],
)
def test_a_server_that_refuses_is_quoted(app, task, settings, reason):
    app.config.update(settings)
    with pytest.raises(StorageError, match=rf"{reason}.*S3_ENDPOINT_URL, S3_BUCKET"):
        persist(task)
    DB.session.commit()
    assert TaskFile.get_task_result_files(task) == []


def test_a_server_that_is_away_is_named_to_the_operator_only(app, task, client):
    info = persist(task)
    app.config["S3_ENDPOINT_URL"] = (
        "http://127.0.0.1:9"  # the port of the discard service
    )
    app.extensions["file_stores"].clear()  # as if the runner had been started just now
    with pytest.raises(StorageError, match="Could not connect to the endpoint"):
        STORE.open(info)
    answer = get(client, info)
    assert answer.status_code == 503
    expected = "The file store of this file is unreachable."
    assert answer.json["message"] == expected


class BreakingOff:
    """A client of boto3 whose streams end too early, as connections do."""

    def __init__(self, client, length):
        self.client, self.length, self.streams = client, length, 0

    def head_object(self, **place):
        return self.client.head_object(**place)

    def get_object(self, **place):
        self.streams += 1
        answer = self.client.get_object(**place)
        answer["Body"] = io.BytesIO(answer["Body"].read()[: self.length])
        return answer


def test_a_stream_that_breaks_off_is_taken_up_where_it_ended(
    task, s3_client, s3_settings
):
    info = persist(task)
    key = s3_settings["S3_KEY_PREFIX"] + info.file_storage_data
    client = BreakingOff(s3_client, 30)
    with io.BufferedReader(S3Object(client, s3_settings["S3_BUCKET"], key)) as file:
        assert file.read() == CONTENT
    assert client.streams == 4


@pytest.mark.parametrize("task_name, attempts", [("p@v1.work", 12), ("", 5)])
def test_what_was_computed_is_worth_more_attempts_than_a_request(
    app, context, task_name, attempts
):
    with working_on(CurrentMessage(task_name, 1)):
        client, _signing = STORE["s3"]._clients()
    assert client.meta.config.retries["total_max_attempts"] == attempts


def test_a_stream_that_gives_nothing_is_an_error_in_the_end(task, s3_client, s3_settings):
    info = persist(task)
    key = s3_settings["S3_KEY_PREFIX"] + info.file_storage_data
    client = BreakingOff(s3_client, 0)
    with S3Object(client, s3_settings["S3_BUCKET"], key) as file:
        with pytest.raises(StorageError, match="0 read, but total bytes expected is 100"):
            file.readall()
    assert client.streams == 4


def test_an_object_is_not_read_half_old_half_new(task, s3_client, s3_settings):
    info = persist(task, b"old" * 1_000_000)
    place = {
        "Bucket": s3_settings["S3_BUCKET"],
        "Key": s3_settings["S3_KEY_PREFIX"] + info.file_storage_data,
    }
    with S3Object(s3_client, place["Bucket"], place["Key"]) as file:
        file.read(3)
        s3_client.put_object(**place, Body=b"new" * 1_000_000)
        file.seek(1_000_000)
        with pytest.raises(StorageError, match="PreconditionFailed|412"):
            file.readall()
