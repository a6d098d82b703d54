"""Fetching what users name: what ``requests`` promises plugin authors."""

import gzip
from base64 import b64encode, urlsafe_b64encode

import pytest
from helpers.runner import runner
from helpers.site import serving
from hypothesis import given, settings
from hypothesis import strategies as st
from requests import Response
from requests.exceptions import HTTPError

from qhana_plugin_runner.requests import (
    REQUEST_SESSION,
    get_mimetype,
    open_url,
    open_url_as_file_like,
    open_url_as_file_like_simple,
    retrieve_attribute_metadata_url,
    retrieve_data_type,
    retrieve_filename,
)


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "my table.csv"
    file.write_bytes(b"ID,name\r\n1,Ada\r\n")
    return file


# open_url


def test_open_url_returns_a_response_of_requests(site):
    response = open_url(site.put("/a.txt", b"text"))
    assert isinstance(response, Response)
    assert (response.status_code, response.content) == (200, b"text")


def test_the_response_is_a_context_manager(site):
    with open_url(site.put("/a.txt", b"text"), stream=True) as response:
        assert response.text == "text"
    with open_url("data:,text") as response:
        assert response.text == "text"


def test_stream_reads_the_body_bit_by_bit(site):
    with open_url(site.put("/lines", b"one\ntwo\n"), stream=True) as response:
        assert response.raw.read(4) == b"one\n"
        assert response.raw.read() == b"two\n"


def test_a_compressed_body_comes_out_as_it_was(site):
    url = site.put("/a", gzip.compress(b"text"), Content_Encoding="gzip")
    with open_url(url) as response:
        assert response.content == b"text"
    with open_url_as_file_like_simple(url, stream=True) as opened:
        assert opened.read() == b"text"


def test_rewrite_rules_apply_in_order(site, tmp_path):
    site.put("/new/a.txt", b"text")
    rules = {
        "^http://outside.example/": "http://inside.example/old/",
        "^http://inside\\.example/(old)/": f"{site.url}/\\1/",
        "/old/": "/new/",
    }
    with (
        runner(tmp_path, PLUGIN_FOLDERS=[], URL_REWRITE_RULES=rules) as app,
        app.app_context(),
        open_url("http://outside.example/a.txt") as response,
    ):
        assert response.text == "text"


@pytest.mark.parametrize("host", ["", "localhost"])
def test_a_file_url_with_an_empty_host_or_localhost_is_a_file_of_this_host(file, host):
    url = file.as_uri().replace("file://", f"file://{host}")
    with open_url(url) as response:
        assert response.content == file.read_bytes()


def test_a_data_url_holds_its_content():
    with open_url("data:text/plain,some%20text") as response:
        assert response.content == b"some text"


def test_file_and_data_urls_work_with_the_session_itself(file):
    for url, content in [(file.as_uri(), file.read_bytes()), ("data:,x", b"x")]:
        with REQUEST_SESSION.get(url, stream=True) as response:
            assert b"".join(response.iter_content(5)) == content


def test_the_content_type_of_a_file_is_guessed(file):
    with open_url(file.as_uri()) as response:
        assert response.headers["Content-Type"] == "text/csv"


@pytest.mark.parametrize(
    ("url", "content_type"),
    [
        ("data:application/json,[]", "application/json"),
        ("data:text/csv;charset=utf-8;base64,SUQ=", "text/csv;charset=utf-8"),
        # RFC 2397, section 2
        ("data:,x", "text/plain;charset=US-ASCII"),
    ],
)
def test_the_content_type_of_a_data_url_is_set(url, content_type):
    """The original left it out."""
    with open_url(url) as response:
        assert response.headers["Content-Type"] == content_type


@settings(deadline=None)
@given(st.binary())
def test_base64_data_comes_out_intact_in_both_alphabets(content):
    for encode in (b64encode, urlsafe_b64encode):
        for data in (content, b"\xfb\xef\xbe\xff" + content):
            url = "data:application/octet-stream;base64," + encode(data).decode()
            with open_url(url) as response:
                assert response.content == data


def test_base64_data_with_plus_and_slash_comes_out_intact():
    with open_url("data:;base64,++//+/+/") as response:
        assert response.content == b"\xfb\xef\xff\xfb\xff\xbf"


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_an_error_status_raises_the_http_error_of_requests(site, status):
    with pytest.raises(HTTPError) as caught:
        open_url(site.put("/a", status=status))
    assert caught.value.response.status_code == status


def test_an_error_status_is_no_error_when_asked_so(site):
    with open_url(f"{site.url}/missing", raise_on_error_status=False) as response:
        assert response.status_code == 404


def test_a_missing_file_raises_the_http_error_of_requests(tmp_path):
    with pytest.raises(HTTPError):
        open_url((tmp_path / "missing.csv").as_uri())


@pytest.mark.parametrize("stream", [False, True])
def test_the_raw_body_of_file_and_data_urls_can_be_sought_in(file, stream):
    with open_url(file.as_uri(), stream=stream) as response:
        assert response.raw.name == str(file)
        assert response.raw.seekable()
        response.raw.seek(1)
        assert response.raw.read() == file.read_bytes()[1:]
        response.raw.seek(0)
        assert b"".join(response.raw.stream(3)) == file.read_bytes()
    with open_url("data:,some%20text", stream=stream) as response:
        response.raw.seek(0)
        assert response.raw.read(4, decode_content=True) == b"some"
        assert response.raw.seek(-1, 2) == 8
        assert response.raw.read() == b"t"


def test_an_unknown_type_of_a_file_is_none(site, tmp_path):
    (tmp_path / "unknown").touch()
    for url in (site.put("/unknown"), (tmp_path / "unknown").as_uri()):
        with open_url_as_file_like(url) as (_name, _file, content_type):
            assert content_type is None


# files


@pytest.mark.parametrize("stream", [False, True])
def test_a_url_can_be_opened_like_a_file_with_its_name_and_type(site, stream):
    url = site.put("/folder/table.csv", b"ID\n1\n", Content_Type="text/csv")
    with open_url_as_file_like(url, stream=stream) as (filename, file_, content_type):
        assert (filename, content_type) == ("table.csv", "text/csv")
        assert list(file_) == [b"ID\n", b"1\n"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_simple_form_yields_just_the_file(site, stream):
    with open_url_as_file_like_simple(site.put("/a", b"text"), stream=stream) as file_:
        assert file_.read() == b"text"


def test_a_file_url_yields_the_path_as_name(file):
    with open_url_as_file_like(file.as_uri()) as (filename, file_, content_type):
        assert filename == str(file)
        assert file_.read() == file.read_bytes()
        assert content_type == "text/csv"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("/a/my%20table.csv", "my_table.csv"),
        ("/a/t%C3%A4ble.csv", "table.csv"),
        ("/a/%D0%B4%D0%B0%D0%BD%D0%BD%D1%8B%D0%B5.csv", "данные.csv"),
        ("/a/%F0%9F%93%88.json", "file.json"),
    ],
)
def test_other_urls_yield_a_secured_name(site, path, name):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "0")])
        return []

    with serving(app) as url, open_url_as_file_like(url + path) as (filename, _, _):
        assert filename == name


def test_a_name_from_a_header_is_secured_too(site):
    header = 'attachment; filename="../../etc/passwd"'
    url = site.put("/a", Content_Disposition=header)
    with open_url_as_file_like(url) as (filename, _, _):
        assert filename == "passwd"


# what is known of a response


def test_the_mime_type_is_the_raw_header_with_its_parameters(site):
    url = site.put("/a.json", Content_Type="Text/CSV; charset=utf-8;header=present")
    with open_url(url) as response:
        assert get_mimetype(response) == "Text/CSV; charset=utf-8;header=present"
        assert get_mimetype(response, "text/plain").startswith("Text/CSV")


def test_the_mime_type_is_guessed_from_the_url_without_a_header(site):
    with open_url(site.put("/a.json") + "?x=y.csv") as response:
        assert get_mimetype(response) == "application/json"
        assert get_mimetype(response, "text/plain") == "application/json"


def test_the_default_mime_type_is_used_when_nothing_is_known(site):
    """The original never used it."""
    with open_url(site.put("/unknown")) as response:
        assert get_mimetype(response, default="text/csv") == "text/csv"
        assert get_mimetype(response) is None


def test_the_file_name_is_that_of_the_content_disposition_without_ending(site):
    header = 'attachment; filename="my table.tar.csv"'
    url = site.put("/path.json", Content_Disposition=header)
    assert retrieve_filename(url) == "my table.tar"


def test_the_file_name_is_the_last_part_of_the_path_without_ending(site):
    assert retrieve_filename(site.put("/folder/table.csv") + "?a=/b.txt") == "table"


def test_the_file_name_can_be_asked_of_a_url_or_a_response(site):
    url = site.put("/table.csv")
    with open_url(url) as response:
        assert retrieve_filename(response) == retrieve_filename(url) == "table"


def test_a_response_can_be_streamed_after_its_file_name_was_asked(site):
    """The original closed it."""
    with open_url(site.put("/table.csv", b"ID\n1\n"), stream=True) as response:
        assert retrieve_filename(response) == "table"
        assert list(response.iter_lines()) == [b"ID", b"1"]


def test_the_data_type_is_a_header(site):
    url = site.put("/a", X_Data_Type="entity/list")
    assert retrieve_data_type(url) == "entity/list"
    with open_url(url) as response:
        assert retrieve_data_type(response) == "entity/list"
    assert not retrieve_data_type(site.put("/b"))


def test_the_url_of_the_attribute_metadata_is_a_header(site):
    url = site.put("/a", X_Attribute_Metadata="http://localhost/attributes.json")
    assert retrieve_attribute_metadata_url(url) == "http://localhost/attributes.json"
    with open_url(url) as response:
        assert retrieve_attribute_metadata_url(response).endswith("/attributes.json")
    assert not retrieve_attribute_metadata_url(site.put("/b"))
