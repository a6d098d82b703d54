"""``file`` and ``data`` URLs."""

import os
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.exceptions import HTTPError, InvalidURL

from qhana_plugin_runner.requests import (
    REQUEST_SESSION,
    get_mimetype,
    open_url,
    open_url_as_file_like,
    retrieve_filename,
)
from qhana_plugin_runner.util.redaction import display_url


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "my täble #1.csv"
    file.write_bytes(b"ID\r\n" * 50_000)
    return file


class TestFileUrl:
    @pytest.mark.parametrize(
        "prefix", ["file://", "file://localhost", "FILE://", "file:"]
    )
    def test_the_file_is_answered(self, file, prefix):
        with open_url(prefix + quote(str(file))) as response:
            assert response.status_code == 200
            assert response.content == file.read_bytes()
            assert response.headers["Content-Length"] == "200000"
            assert get_mimetype(response) == "text/csv"
            assert retrieve_filename(response) == "my täble #1"

    def test_the_file_is_streamed(self, file):
        with open_url(file.as_uri(), stream=True) as response:
            assert next(response.iter_lines()) == b"ID"
            assert not response.raw.closed
        assert response.raw.closed

    def test_a_head_request_has_no_body(self, file):
        with REQUEST_SESSION.head(file.as_uri()) as response:
            assert response.content == b""
            assert response.headers["Content-Length"] == "200000"

    def test_other_methods_are_refused(self, file):
        with REQUEST_SESSION.post(file.as_uri(), data="x") as response:
            assert response.status_code == 405
            assert "only GET and HEAD" in response.text

    def test_a_file_of_unknown_type_has_no_content_type(self, tmp_path):
        (tmp_path / "file").touch()
        with open_url((tmp_path / "file").as_uri()) as response:
            assert "Content-Type" not in response.headers
            assert get_mimetype(response, "text/csv") == "text/csv"
            assert response.content == b""

    @pytest.mark.parametrize("name", ["missing", "missing/file", "x" * 300])
    def test_a_missing_file_is_not_found(self, tmp_path, name):
        with pytest.raises(HTTPError, match="404") as caught:
            open_url(f"{tmp_path.as_uri()}/{name}")
        assert caught.value.response.status_code == 404

    def test_a_folder_is_refused(self, tmp_path):
        with open_url(tmp_path.as_uri(), raise_on_error_status=False) as response:
            assert response.status_code == 403
            assert "not a regular file" in response.text

    def test_a_pipe_is_refused_and_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(HTTPError, match="403"):
            open_url((tmp_path / "pipe").as_uri())

    def test_another_host_is_refused(self):
        with pytest.raises(InvalidURL, match="names the host 'example.org'"):
            open_url("file://example.org/etc/hostname")

    @pytest.mark.parametrize("url", ["file:relative/path", "file:///etc/host%00name"])
    def test_a_path_that_makes_no_sense_is_refused(self, url):
        with pytest.raises(InvalidURL, match="write file:///path"):
            open_url(url)

    def test_as_a_file_it_is_named_by_its_path_and_seekable(self, file):
        url = "file://" + quote(str(file))
        with open_url_as_file_like(url, stream=True) as (name, opened, content_type):
            assert name == str(file)
            assert content_type == "text/csv"
            assert opened.read() == file.read_bytes()
            assert opened.seek(0) == 0


class TestDataUrl:
    @pytest.mark.parametrize(
        "url, content, mimetype",
        [
            ("data:,a%20b+c", b"a b+c", "text/plain;charset=US-ASCII"),
            ("data:;charset=utf-8,%C3%BC", "ü".encode(), "text/plain;charset=utf-8"),
            ("DATA:text/csv,a,b?c", b"a,b?c", "text/csv"),
            (
                "data:text/csv;charset=utf-8;base64,+/8=",
                b"\xfb\xff",
                "text/csv;charset=utf-8",
            ),
            ("data:;base64,%2B%2F8%3D", b"\xfb\xff", "text/plain;charset=US-ASCII"),
            ("data:;BASE64,+/8", b"\xfb\xff", "text/plain;charset=US-ASCII"),
            ("data:;base64,+/%0A8=", b"\xfb\xff", "text/plain;charset=US-ASCII"),
            ("data:text/base64,+/8=", b"+/8=", "text/base64"),
            ("data:,", b"", "text/plain;charset=US-ASCII"),
        ],
    )
    @pytest.mark.parametrize("stream", [True, False])
    def test_it_holds_its_content(self, url, content, mimetype, stream):
        with open_url(url, stream=stream) as response:
            assert response.content == content
            assert get_mimetype(response) == mimetype
            assert response.headers["Content-Length"] == str(len(content))

    @settings(max_examples=50, deadline=None)
    @given(st.binary(max_size=300))
    def test_any_bytes_come_out_intact(self, content):
        for payload in (
            ";base64," + b64encode(content).decode(),
            ";base64," + quote(b64encode(content)),
            "," + quote(content),
        ):
            with open_url("data:application/octet-stream" + payload) as response:
                assert response.content == content

    def test_a_large_one_is_streamed(self):
        url = "data:;base64," + b64encode(bytes(2_000_000)).decode()
        with open_url(url, stream=True) as response:
            assert sum(map(len, response.iter_content(10_000))) == 2_000_000

    @pytest.mark.parametrize(
        "url, reason",
        [
            ("data:text/plain", "lacks the comma"),
            ("data:;base64,a", "does not hold base64"),
            ("data:;base64,a*bc", "does not hold base64"),
        ],
    )
    def test_a_broken_one_is_explained(self, url, reason):
        with pytest.raises(InvalidURL, match=reason):
            open_url(url)

    def test_its_file_has_a_plain_name(self):
        with open_url("data:text/plain,a/b.c") as response:
            assert retrieve_filename(response) == "data"


@pytest.mark.parametrize(
    "url, shown",
    [
        ("http://me:pw@host:80/a?key=1#x", "http://host:80/a"),
        ("data:," + "x" * 1000, "data:," + "x" * 113 + "…"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_urls_in_messages_are_short_and_hold_no_secrets(url, shown):
    assert display_url(url) == shown
