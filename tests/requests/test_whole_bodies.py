"""A body arrives whole, or with an error: in whatever way it is read."""

import gzip
import io
import os
import zlib

import pytest
import requests
from helpers.runner import runner
from helpers.site import Chunking, serving
from requests.exceptions import ContentDecodingError
from urllib3 import HTTPResponse
from urllib3.exceptions import DecodeError

from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.plugin_utils.entity_marshalling import load_entities
from qhana_plugin_runner.requests import (
    REQUEST_SESSION,
    FetchSession,
    body_stream,
    open_url,
    open_url_as_file_like_simple,
)
from qhana_plugin_runner.requests.http_adapter import whole
from qhana_plugin_runner.storage import STORE

CONTENT = b"ID,x\n" + b"".join(
    b"%d,%s\n" % (n, os.urandom(8).hex().encode()) for n in range(9_000)
)


def raw_deflate(content):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def brotli(content):
    return pytest.importorskip("brotli").compress(content)


def zstd(content):
    try:
        from compression import zstd as module
    except ImportError:
        module = pytest.importorskip("backports.zstd")
    return module.compress(content)


ENCODINGS = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip in capitals": ("X-GZIP", gzip.compress),
    "members": ("gzip", lambda text: gzip.compress(text[:7]) + gzip.compress(text[7:])),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "two": ("deflate, gzip", lambda text: gzip.compress(zlib.compress(text))),
    "br": ("br", brotli),
    "zstd": ("zstd", zstd),
}


def answer(encoding, body):
    headers = {"Content-Encoding": encoding}
    return whole(HTTPResponse(io.BytesIO(body), headers, 200, preload_content=False))


@pytest.mark.parametrize("name", ENCODINGS)
def test_each_cut_of_a_compressed_body_is_found(name):
    encoding, compress = ENCODINGS[name]
    text = b"some text, and some more text of the same kind " * 3
    packed = compress(text)
    ways = {
        "all": lambda raw: raw.read(),
        "steps": lambda raw: b"".join(iter(lambda: raw.read(5), b"")),
        "exact": lambda raw: b"".join(raw.stream(len(text))),
        "some": lambda raw: b"".join(iter(lambda: raw.read1(5), b"")),
        "much": lambda raw: raw.read(10**6),
    }
    # what is between two members could be the end of a body of one
    between = len(gzip.compress(text[:7])) if name == "members" else None
    for way, read in ways.items():
        assert read(answer(encoding, packed)) == text, way
        for cut in set(range(1, len(packed))) - {between}:
            with pytest.raises(DecodeError):
                read(answer(encoding, packed[:cut]))
                pytest.fail(f"cut at {cut}, read by {way}")


@pytest.mark.parametrize(
    "body, expected",
    [
        (b"", b""),
        (gzip.compress(b"text") + b"\0" * 100, b"text"),
        (gzip.compress(b"text") + b"\0", b"text"),
        (gzip.compress(b"te") + gzip.compress(b"xt") + b"\n", b"text"),
        (gzip.compress(b""), b""),
    ],
    ids=["never compressed", "zeros behind the end", "a zero", "a newline", "empty"],
)
def test_what_is_behind_the_end_or_was_never_compressed_is_no_cut(body, expected):
    assert answer("gzip", body).read() == expected
    assert b"".join(answer("gzip", body).stream(3)) == expected
    assert b"".join(answer("gzip", body).stream(1)) == expected


WAYS = {
    "content": lambda url: open_url(url).content,
    "streamed content": lambda url: open_url(url, stream=True).content,
    "text": lambda url: open_url(url, stream=True).text.encode(),
    "iter_content": lambda url: b"".join(open_url(url, stream=True).iter_content(1000)),
    "iter_lines": lambda url: b"\n".join(open_url(url, stream=True).iter_lines()) + b"\n",
    "raw": lambda url: open_url(url, stream=True).raw.read(decode_content=True),
    "raw.stream": lambda url: b"".join(open_url(url, stream=True).raw.stream(999, True)),
    "body_stream": lambda url: body_stream(open_url(url, stream=True)).read(),
    "session": lambda url: REQUEST_SESSION.post(url).content,
    "own session": lambda url: FetchSession().get(url).content,
}


@pytest.fixture(params=["length", "chunked", "close"])
def cut(request):
    """A server whose compressed answer is the half of what it should be."""
    packed = gzip.compress(CONTENT)
    assert len(packed) > 100_000

    def app(environ, start_response):
        body = (
            packed if environ["PATH_INFO"] == "/whole.csv" else packed[: len(packed) // 2]
        )
        headers = [("Content-Encoding", "gzip"), ("Content-Type", "text/csv")]
        if request.param == "length":
            headers.append(("Content-Length", str(len(body))))
        start_response("200 OK", headers)
        return [body]

    handler = Chunking if request.param == "chunked" else None
    with serving(app, handler=handler) as url:
        yield url


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_half_of_a_body_is_an_error_in_whatever_way_it_is_read(cut, way):
    assert WAYS[way](f"{cut}/whole.csv") == CONTENT
    with pytest.raises((ContentDecodingError, DecodeError), match="cut off"):
        WAYS[way](f"{cut}/half.csv")


@pytest.mark.parametrize("stream", [True, False])
def test_half_of_a_body_is_an_error_as_a_file_and_as_entities(cut, stream):
    with pytest.raises(ContentDecodingError, match="cut off"):
        with open_url_as_file_like_simple(f"{cut}/half.csv", stream=stream) as file:
            file.read()
    with open_url(f"{cut}/whole.csv", stream=stream) as response:
        assert len(list(load_entities(response, "text/csv"))) == 9_000
    with pytest.raises(ContentDecodingError, match="cut off"):
        with open_url(f"{cut}/half.csv", stream=stream) as response:
            list(load_entities(response, "text/csv"))


def test_half_of_a_body_is_not_kept(tmp_path, cut):
    with runner(tmp_path) as app, app.app_context():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        for fetch in (open_url, requests.get):
            kept = ("half.csv", "entity/list", "text/csv")
            with fetch(f"{cut}/half.csv", stream=True) as response:
                with pytest.raises(DecodeError, match="cut off"):
                    STORE.persist_task_result(task.id, response.raw, *kept)
        assert TaskFile.get_task_result_files(task) == []
        info = STORE.persist_task_result(
            task.id, f"{cut}/half.csv", *kept, storage_provider="url_file_store"
        )
        with pytest.raises(ContentDecodingError, match="cut off"):
            with STORE.open(info) as file:
                file.read()
