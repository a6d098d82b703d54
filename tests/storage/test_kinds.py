"""Everything that plugins hand over as a file is kept byte by byte."""

import gzip
import io
from tempfile import NamedTemporaryFile, SpooledTemporaryFile, TemporaryFile

import pytest
import urllib3
from werkzeug.datastructures import FileStorage

from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.storage import CHUNK, STORE

TEXT = "ünïcödé 数据 🎉\n" * 3
BYTES = TEXT.encode("utf-8")


def written(file):
    """Write the text or the bytes into a file, as far as it takes them, and leave it there."""
    try:
        file.write(BYTES)
    except TypeError:
        file.write(TEXT)
    return file


KINDS = {
    "str": lambda _: TEXT,
    "bytes": lambda _: BYTES,
    "bytearray": lambda _: bytearray(BYTES),
    "memoryview": lambda _: memoryview(BYTES),
    "BytesIO": lambda _: written(io.BytesIO()),
    "StringIO": lambda _: written(io.StringIO()),
    "text file": lambda path: written(open(path, "w+", encoding="utf-8")),
    "text file of another encoding": lambda path: written(
        open(path, "w+", encoding="utf-16")
    ),
    "binary file": lambda path: written(open(path, "w+b")),
    "temporary file": lambda _: written(TemporaryFile()),
    "named temporary file": lambda _: written(NamedTemporaryFile("w+", encoding="utf-8")),
    "spooled binary": lambda _: written(SpooledTemporaryFile()),
    "spooled text": lambda _: written(SpooledTemporaryFile(mode="w", encoding="utf-8")),
    "spooled text on disk": lambda _: written(
        SpooledTemporaryFile(5, mode="w+", encoding="utf-8")
    ),
    "spooled binary on disk": lambda _: written(SpooledTemporaryFile(5)),
    "upload": lambda _: FileStorage(io.BytesIO(BYTES), "name.txt"),
}


@pytest.fixture
def kept(task):
    def keep(file):
        info = STORE.persist_task_result(task.id, file, "name.txt", "type", "text/plain")
        with STORE.open(info) as content:
            return content.read()

    return keep


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_kept_from_its_start_wherever_it_was_left(kept, tmp_path, kind):
    file = KINDS[kind](tmp_path / "given")
    try:
        assert kept(file) == BYTES
    finally:
        if hasattr(file, "close"):
            file.close()


def test_a_file_that_was_read_is_rewound(kept):
    file = io.BytesIO(BYTES)
    file.read()
    assert kept(file) == BYTES
    assert kept(file) == BYTES


def test_a_file_that_cannot_be_rewound_is_kept_from_where_it_is(kept):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation("seek")

    pipe = Pipe(b"read already; the rest")
    pipe.read(14)
    assert kept(pipe) == b"the rest"


@pytest.mark.parametrize("content", ["", b""])
def test_an_empty_file_is_a_file(kept, content):
    assert kept(content) == b""


def test_a_file_of_several_pieces_is_kept(kept):
    content = bytes(range(256)) * (3 * CHUNK // 256) + b"end"
    assert kept(io.BytesIO(content)) == content
    text = "ä" * (2 * CHUNK) + "end"
    assert kept(io.StringIO(text)) == text.encode("utf-8")


def test_a_download_is_kept_by_its_raw_response(kept, site):
    url = site.put("/data.txt", BYTES, Content_Type="text/plain")
    with urllib3.PoolManager() as pool:
        response = pool.request("GET", url, preload_content=False)
        assert kept(response) == BYTES
        response.release_conn()
    with open_url(url, stream=True) as response:
        assert kept(response.raw) == BYTES


def test_a_compressed_download_is_kept_as_what_it_is(kept, site):
    packed = gzip.compress(BYTES)
    url = site.put("/data.txt", packed, Content_Encoding="gzip")
    with open_url(url, stream=True) as response:
        assert kept(response.raw) == BYTES


def test_a_file_url_and_a_data_url_are_kept_by_their_raw_responses(kept, tmp_path):
    (tmp_path / "data.txt").write_bytes(BYTES)
    with open_url((tmp_path / "data.txt").as_uri(), stream=True) as response:
        assert kept(response.raw) == BYTES
    with open_url("data:text/plain,abc", stream=True) as response:
        assert kept(response.raw) == b"abc"


def test_what_is_no_file_is_refused(kept, files_on_disk):
    with pytest.raises((TypeError, AttributeError)):
        kept(5)
    assert files_on_disk() == []
