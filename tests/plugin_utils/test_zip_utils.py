"""Reading zip archives."""

import zipfile
from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, BadZipFile, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.exceptions import HTTPError

from qhana_plugin_runner.plugin_utils.zip_utils import (
    ZipArchiveError,
    get_files_from_zip_url,
)

FILES = {"b.txt": "ü\nx".encode(), "folder/a.csv": b"\xef\xbb\xbfID\r\n", "empty": b""}


def pack(files, compression=ZIP_DEFLATED):
    buffer = BytesIO()
    with ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def store(tmp_path):
    """Keep an archive in a file and return its URL."""

    def store(content):
        (tmp_path / "archive.zip").write_bytes(content)
        return (tmp_path / "archive.zip").as_uri()

    return store


@pytest.mark.parametrize("method", [ZIP_STORED, ZIP_DEFLATED, ZIP_BZIP2, ZIP_LZMA])
def test_binary_files_come_in_the_order_of_the_archive(site, method):
    url = site.put("/archive.zip", pack({"folder/": b"", **FILES}, method))
    found = [(name, file.read()) for file, name in get_files_from_zip_url(url, mode="b")]
    assert found == list(FILES.items())


def test_text_is_utf8_with_or_without_byte_order_mark(store):
    files = get_files_from_zip_url(store(pack(FILES)))
    assert {name: file.read() for file, name in files} == {
        "b.txt": "ü\nx",
        "folder/a.csv": "ID\n",
        "empty": "",
    }


def test_files_are_read_line_by_line(store):
    ((file, _name),) = get_files_from_zip_url(store(pack({"a": b"1\n2\n"})), "t")
    assert file.closed
    for file, _name in get_files_from_zip_url(store(pack({"a": b"1\n2\n"})), "t"):
        assert list(file) == ["1\n", "2\n"]


def test_a_file_is_closed_when_the_loop_goes_on(store):
    files = get_files_from_zip_url(store(pack(FILES)), "b")
    first, _name = next(files)
    second, _name = next(files)
    assert first.closed and not second.closed
    files.close()
    assert second.closed


def test_an_archive_without_files_gives_none(store):
    assert list(get_files_from_zip_url(store(pack({})))) == []
    assert list(get_files_from_zip_url(store(pack({"folder/": b""})))) == []


@pytest.mark.parametrize("content", [b"", b"no zip", pack(FILES)[:-30], pack(FILES)[40:]])
def test_what_is_no_archive_is_an_error_that_names_the_url(store, content):
    with pytest.raises(ZipArchiveError, match="archive.zip") as caught:
        for file, _name in get_files_from_zip_url(store(content), "b"):
            file.read()
    assert isinstance(caught.value, BadZipFile)
    assert caught.value.http_status == 422


def test_a_damaged_file_is_named(store):
    content = bytearray(pack({"a.txt": b"some text"}, ZIP_STORED))
    content[content.index(b"some text")] ^= 1
    with pytest.raises(ZipArchiveError, match="'a.txt' .* is damaged .*CRC"):
        for file, _name in get_files_from_zip_url(store(bytes(content)), "b"):
            file.read()


def test_an_encrypted_file_is_named(store):
    content = bytearray(pack({"a.txt": b"x"}))
    for header, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(header) + offset] |= 1
    with pytest.raises(ZipArchiveError, match="'a.txt' .* is encrypted"):
        list(get_files_from_zip_url(store(bytes(content))))


def test_an_unknown_compression_is_named(store):
    content = bytearray(pack({"a.txt": b"x"}))
    for header, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        content[content.index(header) + offset] = 97
    with pytest.raises(ZipArchiveError, match="'a.txt' .* cannot be unpacked"):
        list(get_files_from_zip_url(store(bytes(content))))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", r"..\x"])
def test_a_name_that_leads_out_of_the_archive_is_refused(store, name):
    with pytest.raises(ZipArchiveError, match="leads out of the archive"):
        list(get_files_from_zip_url(store(pack({"good": b"", name: b""}))))


def test_a_file_without_a_name_is_refused(store):
    content = pack({"name": b""}).replace(b"name", b"\0ame")
    with pytest.raises(ZipArchiveError, match="name is empty"):
        list(get_files_from_zip_url(store(content)))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_damage_is_an_archive_error_or_harmless(tmp_path_factory, data):
    content = bytearray(pack(FILES))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("zip") / "archive.zip"
    path.write_bytes(content)
    try:
        for file, _name in get_files_from_zip_url(path.as_uri(), "b"):
            file.read()
    except ZipArchiveError:
        pass


@pytest.mark.parametrize("mode", ["b", "rb", "br", "t", "r", "rt", ""])
def test_files_are_binary_with_a_b_in_the_mode_and_can_be_sought_in(store, mode):
    url = store(pack({"folder/a": b"1\r\n2\r\n"}))
    for file, name in get_files_from_zip_url(url, mode):
        assert file.name == name == "folder/a"
        first = file.readline()
        assert first == (b"1\r\n" if "b" in mode else "1\n")
        file.seek(0)
        assert file.read() == (b"1\r\n2\r\n" if "b" in mode else "1\n2\n")


def test_a_missing_archive_is_an_http_error(site):
    with pytest.raises(HTTPError):
        list(get_files_from_zip_url(site.url + "/missing.zip"))


def test_plugins_that_catch_the_error_of_zipfile_catch_ours():
    assert issubclass(ZipArchiveError, zipfile.BadZipFile)
