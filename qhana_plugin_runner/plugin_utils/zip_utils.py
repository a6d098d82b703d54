"""Reads the files in zip archives."""

import struct
import zlib
from contextlib import contextmanager
from io import SEEK_END, SEEK_SET, BufferedReader, RawIOBase, TextIOWrapper
from lzma import LZMAError
from pathlib import PurePosixPath
from typing import IO, Any, Iterator
from zipfile import BadZipFile, ZipFile, ZipInfo

from qhana_plugin_runner.errors import RunnerError
from qhana_plugin_runner.requests import display_url, open_url_as_file_like_simple
from qhana_plugin_runner.requests.policy import Refusal, current_policy

__all__ = ["ZipArchiveError", "get_files_from_zip_url"]

ENCRYPTED = 0x1
"""Flag bit of an encrypted member (APPNOTE.TXT, 4.4.4)."""

MAX_NAME = 4096
"""Characters of a file name with its folders, as of a path in Linux."""

# What the standard library raises for damaged archives.
_DAMAGE = (
    BadZipFile,
    EOFError,
    LZMAError,
    NotImplementedError,
    OSError,
    ValueError,
    struct.error,
    zlib.error,
)


class ZipArchiveError(RunnerError, BadZipFile):
    """An archive cannot be read; the text has the URL and the reason."""

    http_status = 422


class _Member(RawIOBase):
    """A file in an archive, decompressed as it is read."""

    def __init__(self, content: IO[bytes], place: str) -> None:
        self._content = content
        self._place = place
        self.name = content.name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._content.seekable()

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        with self._damage_errors():
            return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()

    def readinto(self, buffer: Any) -> int:
        with self._damage_errors():
            chunk = self._content.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    @contextmanager
    def _damage_errors(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise ZipArchiveError(
                f"{self._place} is damaged ({error}); pack the archive again."
            ) from error

    def close(self) -> None:
        self._content.close()
        super().close()


def _check_members(archive: ZipFile, size: int, url: str) -> list[ZipInfo]:
    """List the files in an archive in order.

    Args:
        archive: the archive.
        size: its bytes.
        url: names it in messages.

    Raises:
        ZipArchiveError: a file name is unsafe, a file is encrypted, or there are too many, or
            they are too large. None gets larger than it says.
    """
    policy = current_policy()
    if len(archive.infolist()) > policy.max_zip_files:
        raise ZipArchiveError(
            f"{url!r} has more than {policy.max_zip_files} entries (MAX_ZIP_FILES)."
        )
    try:
        policy.check_size(size, sum(m.file_size for m in archive.infolist()))
    except Refusal as error:
        raise ZipArchiveError(f"{url!r} cannot be unpacked: {error}") from error
    members = [m for m in archive.infolist() if not m.filename.endswith("/")]
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        shown = f"{member.filename!r:.120}"
        if (
            len(member.filename) > MAX_NAME
            or not path.name
            or path.is_absolute()
            or ".." in path.parts
        ):
            raise ZipArchiveError(
                f"{url!r} contains the file {shown}, whose name is empty, longer than"
                f" {MAX_NAME} characters, or leads out of the archive; pack it with relative"
                " names."
            )
        if member.flag_bits & ENCRYPTED:
            raise ZipArchiveError(
                f"The file {shown} in {url!r} is encrypted; pack it without a password."
            )
    return members


def get_files_from_zip_url(url: str, mode: str = "t") -> Iterator[tuple[IO[Any], str]]:
    """Open the files in a zip archive one after the other, in the order of the archive.

    >>> from base64 import b64encode
    >>> from io import BytesIO
    >>> archive = BytesIO()
    >>> with ZipFile(archive, "w") as zip_file:
    ...     zip_file.writestr("data/a.txt", "some text")
    >>> url = "data:application/zip;base64," + b64encode(archive.getvalue()).decode()
    >>> for file, name in get_files_from_zip_url(url):
    ...     print(name, file.read())
    data/a.txt some text

    Args:
        url: the URL of the archive, as in :func:`qhana_plugin_runner.requests.open_url`. Large
            archives are stored in a temporary file, not in memory.
        mode: a mode with ``b`` (``"b"``, ``"rb"``) opens binary files, others text files (UTF-8
            with or without byte order mark).

    Yields:
        The open file, which is seekable and has a ``name``, and its name with folders. Folders
        themselves are skipped. A file is closed when the next one is opened.

    Raises:
        ZipArchiveError: the file is not a zip archive, is damaged, encrypted or compressed in an
            unsupported way, or contains an unsafe file name.
        requests.exceptions.RequestException: the URL cannot be opened.
    """
    shown = display_url(url)
    with open_url_as_file_like_simple(url) as file, _open_archive(file, shown) as archive:
        size = file.seek(0, SEEK_END)
        for member in _check_members(archive, size, shown):
            place = f"The file {member.filename!r} in {shown!r}"
            try:
                content = archive.open(member)
            except _DAMAGE as error:
                raise ZipArchiveError(f"{place} cannot be unpacked: {error}.") from error
            with BufferedReader(_Member(content, place)) as binary:
                if "b" in mode:
                    yield binary, member.filename
                else:
                    with TextIOWrapper(binary, encoding="utf-8-sig") as text:
                        yield text, member.filename


def _open_archive(file: IO[bytes], url: str) -> ZipFile:
    try:
        return ZipFile(file)
    except _DAMAGE as error:
        raise ZipArchiveError(
            f"{url!r} is no zip archive, or only a part of one: {error}."
        ) from error
