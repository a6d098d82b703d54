"""Fetching URLs over HTTP."""

import gzip
import os
import re
import signal
import threading

import flask
import pytest
import requests
from helpers.site import serving
from requests.exceptions import HTTPError, InvalidSchema

from qhana_plugin_runner.requests import (
    REQUEST_SESSION,
    FetchSession,
    body_stream,
    get_mimetype,
    open_url,
    open_url_as_file_like,
    open_url_as_file_like_simple,
    retrieve_attribute_metadata_url,
    retrieve_data_type,
    retrieve_filename,
    typed_as,
)
from qhana_plugin_runner.requests.session import CONNECT_TIMEOUT


def test_a_url_is_opened_as_a_requests_response(site):
    url = site.put("/a.txt", b"text", Content_Type="text/plain; charset=utf-8")
    with open_url(url) as response:
        assert isinstance(response, requests.Response)
        assert response.text == "text"


def test_a_body_can_be_streamed(site):
    url = site.put("/a", b"x" * 200_000)
    with open_url(url, stream=True) as response:
        assert sum(map(len, response.iter_content(1000))) == 200_000


def test_an_error_status_raises_what_plugins_catch(site):
    with pytest.raises(HTTPError, match="404") as caught:
        open_url(site.url + "/missing", stream=True)
    assert caught.value.response.status_code == 404


def test_an_error_status_can_be_asked_for(site):
    with open_url(site.url + "/missing", raise_on_error_status=False) as response:
        assert response.status_code == 404
        assert response.content == b"nothing here"


def test_a_redirect_is_followed(site):
    site.put("/new/data.csv", b"ID\r\n")
    url = site.put("/old", status=302, Location="/new/data.csv")
    with open_url(url) as response:
        assert response.content == b"ID\r\n"
        assert retrieve_filename(response) == "data"


@pytest.mark.parametrize("target", ["file:///etc/hostname", "FILE:/etc/hostname"])
def test_no_server_can_redirect_to_a_local_file(site, target):
    url = site.put("/trap", status=302, Location=target)
    with pytest.raises(InvalidSchema, match="redirects to a 'file' URL"):
        open_url(url, stream=True)


def test_no_server_can_redirect_to_a_data_url(site):
    url = site.put("/trap", status=307, Location="data:,text")
    with pytest.raises(InvalidSchema, match="redirects to a 'data' URL"):
        open_url(url)


def test_each_hop_of_a_redirect_can_be_refused(site):
    class Strict(FetchSession):
        def check_hop(self, request):
            super().check_hop(request)
            if request.url.endswith("/private"):
                raise InvalidSchema("not there")

    url = site.put("/start", status=302, Location="/private")
    with Strict() as session, pytest.raises(InvalidSchema, match="not there"):
        session.get(url)
    assert [request.path for request in site.requests] == ["/start"]


def test_an_unknown_scheme_is_named():
    with pytest.raises(InvalidSchema, match="'gopher://example.org/' *: use a http"):
        open_url("gopher://user:secret@example.org/")


def test_cookies_do_not_pass_from_one_fetch_to_the_next(site):
    url = site.put("/", Set_Cookie="user=ada; Path=/")
    for _ in range(2):
        with open_url(url):
            pass
    assert [dict(request.cookies) for request in site.requests] == [{}, {}]
    assert not REQUEST_SESSION.cookies


@pytest.fixture
def timeouts(site):
    """The time-outs that the connection to the site is given."""
    seen = []

    class Adapter(requests.adapters.HTTPAdapter):
        def send(self, request, **kwargs):
            seen.append(kwargs["timeout"])
            return super().send(request, **kwargs)

    REQUEST_SESSION.mount(site.url, Adapter())
    yield seen
    REQUEST_SESSION.adapters.pop(site.url).close()


def test_every_fetch_has_a_timeout(site, timeouts):
    url = site.put("/")
    open_url(url).close()
    REQUEST_SESSION.post(url).close()
    assert timeouts == [(CONNECT_TIMEOUT, 60.0)] * 2


def test_the_caller_may_choose_the_timeout(site, timeouts):
    open_url(site.put("/"), timeout=3).close()
    assert timeouts == [3]


def test_many_threads_share_the_session(site):
    for number in range(20):
        site.put(f"/{number}", str(number).encode() * 1000)
    wrong = []

    def fetch(number):
        with open_url(f"{site.url}/{number}") as response:
            if response.content != str(number).encode() * 1000:
                wrong.append(number)

    threads = [threading.Thread(target=fetch, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(site.requests) == 20


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_uses_none_of_its_parents_connections(site):
    adapter = REQUEST_SESSION.get_adapter(site.url)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            fresh = REQUEST_SESSION.get_adapter(site.url) is not adapter
            os.write(writer, b"fresh" if fresh else b"shared")
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"fresh"
    os.close(reader)
    os.close(writer)
    assert REQUEST_SESSION.get_adapter(site.url) is adapter


@pytest.mark.parametrize(
    "make_rules",
    [
        lambda url: [
            (re.compile(r"^http://backend:90"), "http://middle:80"),
            (re.compile(r"^http://middle:80\d\d"), url),
        ],
        lambda url: {"^http://backend:90": "http://middle:80", r"http://middle:\d+": url},
        lambda url: [["^http://(backend):9090", url]],
    ],
    ids=["patterns", "mapping", "lists"],
)
def test_rewrite_rules_of_the_app_apply_in_order(site, make_rules):
    site.put("/x", b"found")
    app = flask.Flask(__name__)
    app.config["URL_REWRITE_RULES"] = make_rules(site.url)
    with app.app_context(), open_url("http://backend:9090/x") as response:
        assert response.content == b"found"


def test_changed_rewrite_rules_count_at_once(site):
    site.put("/x", b"found")
    app = flask.Flask(__name__)
    app.config["URL_REWRITE_RULES"] = rules = {"^http://a.invalid": "http://b.invalid"}
    with app.app_context():
        rules["^http://b.invalid"] = site.url
        with open_url("http://a.invalid/x") as response:
            assert response.content == b"found"


def test_without_an_app_no_rule_applies(site):
    with open_url(site.put("/x", b"found")) as response:
        assert response.url == f"{site.url}/x"


class TestMimetype:
    def test_it_is_the_raw_header_with_its_parameters(self, site):
        with open_url(site.put("/a.txt", Content_Type="Text/CSV; charset=UTF-8")) as res:
            assert get_mimetype(res) == "Text/CSV; charset=UTF-8"

    @pytest.mark.parametrize(
        "path, mimetype",
        [
            ("/a.csv", "text/csv"),
            ("/a.json", "application/json"),
            ("/a.jsonl", "application/X-lines+json"),
            ("/a.csv.gz", "application/gzip"),
            ("/данные.csv", "text/csv"),
        ],
    )
    def test_it_is_guessed_from_the_url_without_a_header(self, site, path, mimetype):
        with open_url(site.put(path) + "?x=y.html") as response:
            assert get_mimetype(response, default="image/png") == mimetype

    @pytest.mark.parametrize(
        "path, headers, mimetype",
        [
            ("/a.csv", {"Content-Type": "text/plain; charset=utf-8"}, "text/csv"),
            (
                "/1",
                {
                    "Content-Type": "application/octet-stream",
                    "Content-Disposition": 'attachment; filename="a.jsonl"',
                },
                "application/X-lines+json",
            ),
            ("/a.csv.gz", {"Content-Type": "binary/octet-stream"}, "application/gzip"),
            (
                "/a.csv.gz",
                {"Content-Type": "text/plain", "Content-Encoding": "gzip"},
                "text/csv",
            ),
            ("/a.csv", {"Content-Type": "application/json"}, "application/json"),
            ("/export", {"Content-Type": "text/x-csv; header=present"}, "text/csv"),
        ],
    )
    def test_a_type_that_says_nothing_gives_way_to_the_name(
        self, site, path, headers, mimetype
    ):
        headers = {name.replace("-", "_"): value for name, value in headers.items()}
        with open_url(site.put(path, **headers), stream=True) as response:
            declared = response.headers.get("Content-Type")
            assert typed_as(response, declared).partition(";")[0] == mimetype
            assert get_mimetype(response) == (declared or mimetype)

    def test_the_default_is_the_last_resort(self, site):
        with open_url(site.put("/a")) as response:
            assert get_mimetype(response) is None
            assert get_mimetype(response, default="text/csv") == "text/csv"


class TestFilename:
    @pytest.mark.parametrize(
        "disposition, name",
        [
            ('attachment; filename="out.txt"', "out"),
            ("inline; filename=out.tar.gz", "out.tar"),
            ("inline;FILENAME=out.csv", "out"),
            ("inline; filename*=UTF-8''%E2%82%AC%20rates.csv", "€ rates"),
            ("inline; filename=\"a.csv\"; filename*=UTF-8''b%C3%BC.csv", "bü"),
            ("inline; filename*=UTF-8''b%C3%BC.csv; filename=\"a;.csv\"", "bü"),
            (r'inline; filename="say \"hi\".csv"', 'say "hi"'),
            ('inline; filename="../../etc/passwd"', "passwd"),
            (r'inline; filename="C:\\data\\out.csv"', "out"),
            ('inline; filename=".."', "page"),
            ('inline; filename=""', "page"),
            ("inline", "page"),
        ],
    )
    def test_it_comes_from_the_content_disposition(self, site, disposition, name):
        with open_url(
            site.put("/page.html", Content_Disposition=disposition)
        ) as response:
            assert retrieve_filename(response) == name

    def test_utf8_that_nobody_announced_is_understood(self, site):
        header = 'inline; filename="bü.csv"'.encode().decode("latin-1")
        with open_url(site.put("/x", Content_Disposition=header)) as response:
            assert retrieve_filename(response) == "bü"

    @pytest.mark.parametrize(
        "path, name",
        [
            ("/files/my%20data.csv?file-id=a.b", "my data"),
            ("/files/3/", "3"),
            ("/a/..%2F..%2Fpasswd.txt", "passwd"),
            ("/.hidden", ".hidden"),
            ("/", ""),
        ],
    )
    def test_it_is_else_the_last_part_of_the_path(self, path, name):
        response = requests.Response()
        response.url = "http://example.org" + path
        assert retrieve_filename(response) == name

    def test_a_response_can_still_be_streamed_afterwards(self, site):
        with open_url(site.put("/a.txt", b"body"), stream=True) as response:
            assert retrieve_filename(response) == "a"
            assert response.raw.read() == b"body"

    def test_a_url_will_do(self, site):
        assert retrieve_filename(site.put("/a.txt")) == "a"


def test_data_type_and_metadata_url_are_headers(site):
    url = site.put(
        "/a", X_Data_Type="entity/list", X_Attribute_Metadata="http://x/meta.json"
    )
    assert retrieve_data_type(url) == "entity/list"
    assert retrieve_attribute_metadata_url(url) == "http://x/meta.json"
    with open_url(site.put("/b"), stream=True) as response:
        assert retrieve_data_type(response) is None
        assert retrieve_attribute_metadata_url(response) is None
        assert response.raw.read() == b""


class TestFileLike:
    @pytest.mark.parametrize("stream", [True, False])
    def test_it_is_the_decompressed_body_with_name_and_type(self, site, stream):
        url = site.put(
            "/x",
            gzip.compress(b"one\ntwo\n"),
            Content_Encoding="gzip",
            Content_Type="text/csv; charset=utf-8",
            Content_Disposition='inline; filename="../my table.csv"',
        )
        with open_url_as_file_like(url, stream=stream) as (name, file, content_type):
            assert name == "my_table.csv"
            assert file.readline() == b"one\n"
            assert file.read() == b"two\n"
            assert file.read() == b""
            assert content_type == "text/csv; charset=utf-8"
        assert file.closed

    @pytest.mark.parametrize("size", [10, 3_000_000])
    def test_it_can_be_sought_in(self, site, size):
        with open_url_as_file_like_simple(site.put("/x", b"x" * size)) as file:
            assert len(file.read()) == size
            assert file.seek(-1, os.SEEK_END) == size - 1
            assert file.read() == b"x"

    def test_a_file_without_a_name_gets_one(self, site):
        with open_url_as_file_like(site.put("/")) as (name, _file, content_type):
            assert (name, content_type) == ("download", None)

    def test_an_error_status_raises(self, site):
        with pytest.raises(HTTPError), open_url_as_file_like(site.url + "/missing"):
            pytest.fail("there is no such file")


@pytest.mark.parametrize("stream", [True, False])
def test_a_body_is_read_in_any_steps(site, stream):
    body = bytes(range(256)) * 1000
    with open_url(site.put("/x", body), stream=stream) as response:
        file = body_stream(response)
        assert file.peek(4)[:4] == body[:4]
        parts = [file.read(7), file.read(100_000), file.read1(5), file.read()]
        assert b"".join(parts) == body


def test_a_body_that_ends_too_early_is_an_error():
    def half(environ, start_response):
        start_response("200 OK", [("Content-Length", "10")])
        return [b"12345"]

    with serving(half) as url, open_url(url, stream=True) as response:
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            body_stream(response).read()
