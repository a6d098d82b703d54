"""File stores: where results and temporary files of tasks are kept.

Plugins use :data:`STORE`, which hands each call to the default store or to the one that is
named. A new store is a subclass of :class:`FileStore` with a name::

    class MyStore(FileStore, name="my-store"):
        def persist_file(self, file_, target, mimetype): ...
        def get_file_url(self, file_storage_data, external=True): ...
        def open(self, file_info): ...
"""

import io
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, ClassVar

from flask import Flask, current_app, url_for
from urllib3 import BaseHTTPResponse
from werkzeug.utils import secure_filename

from .db.models.tasks import TEMP_FILE, ProcessingTask, TaskFile
from .errors import RunnerError
from .requests import open_url

__all__ = [
    "STORE",
    "FileStore",
    "FileStoreInterface",
    "FileStoreRegistry",
    "LocalFileStore",
    "StorageError",
    "UnknownFileStore",
    "UrlFileStore",
]

CHUNK = 256 * 1024
"""Bytes copied at a time: large enough that calls do not count, small beside a process."""

LONGEST_PART = 100
"""Characters of a file name that are kept on disk; file systems end at 255 bytes."""

FileLike = str | bytes | IO[Any] | Any


class StorageError(RunnerError):
    """A file cannot be kept or found; the message names the file and the reason."""


class UnknownFileStore(StorageError, KeyError):
    """No store has this name."""

    def __str__(self) -> str:
        return str(self.args[0])


class FileStoreInterface:
    """What plugins may ask of a store, and of :data:`STORE`."""

    def persist_file(
        self,
        file_: FileLike,
        target: str | Path,
        mimetype: str,
        storage_provider: str | None = None,
    ) -> None:
        """Keep a file.

        Parameters:
            file_: text, bytes, or any text or binary file object.
            target: the path to keep it under, relative to the root of the store.
            mimetype: for stores that serve files themselves.
            storage_provider: the name of the store; the default one when not given.
        """
        raise NotImplementedError

    def persist_task_result(
        self,
        task_db_id: int,
        file_: FileLike,
        file_name: str,
        file_type: str,
        mimetype: str,
        commit: bool = True,
        storage_provider: str | None = None,
    ) -> TaskFile:
        """Keep an output of a task and list it with the task.

        Parameters:
            task_db_id: the id of the task's row.
            file_: text, bytes, or any text or binary file object.
            file_name: the name that clients see.
            file_type: the data type, such as ``entity/list``.
            mimetype: such as ``text/csv``.

        Raises:
            KeyError: there is no such task.
        """
        raise NotImplementedError

    def persist_task_temp_file(
        self,
        task_db_id: int,
        file_: FileLike,
        file_name: str,
        mimetype: str = "application/octet-stream",
        commit: bool = True,
        storage_provider: str | None = None,
    ) -> TaskFile:
        """Keep a file for a later step; it is never listed as an output."""
        raise NotImplementedError

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        """Return a URL under which the kept file can be fetched."""
        raise NotImplementedError

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        """Return a URL for a task's file: for clients, or (not external) for the runner."""
        raise NotImplementedError

    def open(self, file_info: TaskFile) -> AbstractContextManager[BinaryIO]:
        """Open a task's file for reading bytes, as a context manager."""
        raise NotImplementedError


class FileStore(FileStoreInterface):
    """The base of all stores: keeps the rows, leaves the bytes to the subclass."""

    name: ClassVar[str]
    known: ClassVar[dict[str, type["FileStore"]]] = {}

    def __init_subclass__(cls, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name is not None:
            cls.name = name
            FileStore.known[name] = cls

    def __init__(self, app: Flask | None = None) -> None:
        self.app = app
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Read the store's settings from ``app.config``; for subclasses."""
        self.app = app

    def prepare_path(self, path: str | Path) -> Path:
        """Return a relative path whose every part is a harmless file name."""
        names = [secure_filename(part) for part in PurePosixPath(str(path)).parts]
        # The end of a name is kept: it tells what kind of file it is.
        names = [name[-LONGEST_PART:].lstrip("._") for name in names if name]
        return Path(*names or ["file"])

    def _get_file_identifier(self, target: Path) -> str:
        """Return what a row remembers of a kept file (``file_storage_data``).

        For subclasses to override. ``target`` is what ``persist_file`` was given.
        """
        return target.as_posix()

    def _keep(self, file_: FileLike, target: Path, mimetype: str) -> str:
        """Keep a file and return what its row remembers."""
        self.persist_file(file_, target, mimetype)
        return str(self._get_file_identifier(target))

    def persist_task_result(
        self,
        task_db_id: int,
        file_: FileLike,
        file_name: str,
        file_type: str,
        mimetype: str,
        commit: bool = True,
        storage_provider: str | None = None,
    ) -> TaskFile:
        return self._persist_task_file(
            task_db_id, "out", file_, file_name, file_type, mimetype, commit
        )

    def persist_task_temp_file(
        self,
        task_db_id: int,
        file_: FileLike,
        file_name: str,
        mimetype: str = "application/octet-stream",
        commit: bool = True,
        storage_provider: str | None = None,
    ) -> TaskFile:
        return self._persist_task_file(
            task_db_id, "tmp", file_, file_name, TEMP_FILE, mimetype, commit
        )

    def _persist_task_file(
        self,
        task_id: int,
        folder: str,
        file_: FileLike,
        file_name: str,
        file_type: str,
        mimetype: str,
        commit: bool,
    ) -> TaskFile:
        task = ProcessingTask.get_by_id(task_id)
        if task is None:
            raise KeyError(
                f"there is no task with id {task_id!r} to keep {file_name!r} for"
            )
        # Outputs may have the same name; the random part keeps them apart.
        tag = secrets.token_urlsafe(32)
        target = self.prepare_path(
            f"task_{task.id}/{folder}/{tag[:8]}/{_last_part(file_name)}"
        )
        info = TaskFile(
            task=task,
            security_tag=tag,
            storage_provider=self.name,
            file_name=shown_name(file_name),
            file_storage_data=self._keep(file_, target, mimetype),
            file_type=file_type,
            mimetype=mimetype,
        )
        info.save(commit=commit)
        return info

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        return self.get_file_url(file_info.file_storage_data, external=external)


def _last_part(file_name: str) -> str:
    return re.split(r"[/\\]", str(file_name))[-1]


def shown_name(file_name: str) -> str:
    """Return the last part of a name without control characters, for clients to see."""
    shown = "".join(char for char in _last_part(file_name) if char.isprintable()).strip()
    return shown[:500] or "file"


@contextmanager
def _binary(file_: FileLike) -> Iterator[Iterator[bytes]]:
    """Give the content of anything file-like as pieces of bytes, from its start when possible."""
    if isinstance(file_, str):
        yield iter((file_.encode("utf-8"),))
    elif isinstance(file_, (bytes, bytearray, memoryview)):
        yield iter((bytes(file_),))
    else:
        if getattr(file_, "seekable", lambda: False)():
            file_.seek(0)
        yield _pieces(file_)


def _pieces(file_: IO[Any]) -> Iterator[bytes]:
    if isinstance(file_, BaseHTTPResponse):
        # The raw response of requests would give the bytes as they were compressed.
        yield from file_.stream(CHUNK, decode_content=True)
        return
    while piece := file_.read(CHUNK):
        yield piece.encode("utf-8") if isinstance(piece, str) else piece


class LocalFileStore(FileStore, name="local_filesystem"):
    """Files below ``FILE_STORE_ROOT_PATH``, in the instance folder unless it is absolute.

    Rows hold the path relative to the root. A file is written under a temporary name and
    moved, so that no half-written file is ever found.
    """

    root: Path

    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        self.root = Path(app.instance_path, app.config["FILE_STORE_ROOT_PATH"])

    def persist_file(
        self,
        file_: FileLike,
        target: str | Path,
        mimetype: str,
        storage_provider: str | None = None,
    ) -> None:
        with _binary(file_) as pieces:
            self._write(pieces, target)

    def persist_raw_data(
        self, data: str | bytes, target: str | Path, mimetype: str
    ) -> None:
        """Keep text or bytes; the same as :meth:`persist_file`."""
        self.persist_file(data, target, mimetype)

    def _write(self, pieces: Iterator[bytes], target: str | Path) -> None:
        path = self.root / self.prepare_path(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".unfinished-{secrets.token_hex(8)}")
        try:
            with unfinished.open("xb") as file:
                for piece in pieces:
                    file.write(piece)
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def path_of(self, file_storage_data: str) -> Path:
        """Return the path of a kept file.

        Rows of an older runner hold absolute paths of its host; those are found by their
        end, from ``task_<id>`` on.

        Raises:
            StorageError: the file is not there, or not below the root.
        """
        given = PurePosixPath(file_storage_data)
        if given.is_absolute():
            match = re.search(r".*/(task_\d+/(?:out|tmp)/.+)$", str(given))
            given = PurePosixPath(match[1]) if match else given
        root = self.root.resolve()
        path = (root / given).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            raise StorageError(f"the file store has no file {file_storage_data!r}")
        return path

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        """Return the ``file:`` URL of a kept file, for use on this host."""
        return self.path_of(file_storage_data).as_uri()

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        if not external:
            return self.get_file_url(file_info.file_storage_data)
        return url_for(
            "files-api.FileView",
            file_id=file_info.id,
            _external=True,
            **{"file-id": file_info.security_tag},
        )

    def open(self, file_info: TaskFile) -> AbstractContextManager[BinaryIO]:
        return self.path_of(file_info.file_storage_data).open("rb")


class UrlFileStore(FileStore, name="url_file_store"):
    """Keeps nothing but a URL: ``file_`` is the URL under which somebody else has the file."""

    def persist_file(
        self,
        file_: FileLike,
        target: str | Path,
        mimetype: str,
        storage_provider: str | None = None,
    ) -> None:
        if not isinstance(file_, str) or ":" not in file_:
            raise StorageError(
                f"the URL store keeps URLs (text), but was given {file_!r:.80}"
            )

    def _keep(self, file_: FileLike, target: Path, mimetype: str) -> str:
        self.persist_file(file_, target, mimetype)
        return str(file_)

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        return file_storage_data

    @contextmanager
    def open(self, file_info: TaskFile) -> Iterator[BinaryIO]:
        with open_url(file_info.file_storage_data, stream=True) as response:
            response.raw.decode_content = True
            yield io.BufferedReader(response.raw)


class FileStoreRegistry(FileStoreInterface):
    """All stores of an app; calls without a store's name go to the default one.

    Stores that plugins define are found as well: a store is made when it is first asked for.
    """

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        app.extensions["file_stores"] = {}

    def __getitem__(self, name: str) -> FileStore:
        """Return a store by its name.

        Raises:
            UnknownFileStore: there is none; the message lists those there are.
        """
        stores: dict[str, FileStore] = current_app.extensions["file_stores"]
        if name not in stores:
            try:
                store = FileStore.known[name]
            except KeyError:
                raise UnknownFileStore(
                    f"there is no file store {name!r}, only {', '.join(sorted(FileStore.known))}; "
                    "correct DEFAULT_FILE_STORE, or install the plugin that brings the store"
                ) from None
            app = current_app._get_current_object()  # type: ignore[attr-defined]
            stores[name] = store(app=app)
        return stores[name]

    def _store(self, name: str | None) -> FileStore:
        return self[name or current_app.config["DEFAULT_FILE_STORE"]]

    def persist_file(
        self,
        file_: FileLike,
        target: str | Path,
        mimetype: str = "application/octet-stream",
        storage_provider: str | None = None,
    ) -> None:
        self._store(storage_provider).persist_file(file_, target, mimetype)

    def persist_task_result(
        self,
        task_db_id: int,
        file_: FileLike,
        file_name: str,
        file_type: str,
        mimetype: str,
        commit: bool = True,
        storage_provider: str | None = None,
    ) -> TaskFile:
        return self._store(storage_provider).persist_task_result(
            task_db_id, file_, file_name, file_type, mimetype, commit=commit
        )

    def persist_task_temp_file(
        self,
        task_db_id: int,
        file_: FileLike,
        file_name: str,
        mimetype: str = "application/octet-stream",
        commit: bool = True,
        storage_provider: str | None = None,
    ) -> TaskFile:
        return self._store(storage_provider).persist_task_temp_file(
            task_db_id, file_, file_name, mimetype, commit=commit
        )

    def get_file_url(
        self,
        file_storage_data: str,
        external: bool = True,
        storage_provider: str | None = None,
    ) -> str:
        return self._store(storage_provider).get_file_url(
            file_storage_data, external=external
        )

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        return self[file_info.storage_provider].get_task_file_url(
            file_info, external=external
        )

    def open(self, file_info: TaskFile) -> AbstractContextManager[BinaryIO]:
        return self[file_info.storage_provider].open(file_info)


STORE = FileStoreRegistry()
