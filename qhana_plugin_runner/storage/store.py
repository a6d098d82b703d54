"""The base class of stores: keeps the rows; subclasses keep the bytes."""

import logging
import posixpath
import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, ClassVar, NamedTuple, cast

from flask import Flask, url_for
from sqlalchemy import func, select
from sqlalchemy.orm.attributes import set_committed_value

from ..db import DB
from ..db.models.tasks import TEMP_FILE, ProcessingTask, TaskFile
from ..db.statements import insert_row
from ..requests import open_url_as_file_like_simple
from ..util.content_types import ANYTHING, safe_name
from .content import FileFacts, FileLike, facts_of, limited_to, rewind
from .errors import NoRoom, ResultsTooLarge
from .interface import FileStoreInterface

_logger = logging.getLogger(__name__)


class KeptFile(NamedTuple):
    """A stored file of a task.

    Attributes:
        path: from ``task_<id>/`` on.
        size: bytes.
        kept_at: when it was kept, in UTC.
    """

    path: str
    size: int
    kept_at: datetime


class FileStore(FileStoreInterface):
    """The base class of stores: keeps the rows; subclasses keep the bytes."""

    name: ClassVar[str]
    known: ClassVar[dict[str, type["FileStore"]]] = {}

    def __init_subclass__(cls, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name is not None:
            cls.name = name
            FileStore.known[name] = cls

    def __init__(self, app: Flask | None = None) -> None:
        self.app = app

    def init_app(self, app: Flask) -> None:
        """Read the store's settings from ``app.config``; for subclasses.

        It is called once, when ``__init__`` is done.
        """
        self.app = app

    def prepare_path(self, path: str | Path) -> Path:
        """Return a relative path whose every part is a harmless file name."""
        parts = PurePosixPath(str(path)).parts
        names = [safe_name(part) for part in parts if part.strip("./ ")]
        return Path(*names or ["file"])

    def _get_file_identifier(self, target: Path) -> str:
        """Return the identifier of a stored file (``file_storage_data``).

        For subclasses to override. ``target`` is what ``persist_file`` was given.
        """
        return target.as_posix()

    def _keep(
        self, file_: FileLike, target: Path, mimetype: str
    ) -> tuple[str, FileFacts]:
        """Store a file; return its identifier, size and digest."""
        rewind(file_)
        facts = self.persist_file(file_, target, mimetype)
        if not isinstance(facts, FileFacts):
            facts = facts_of(file_)
        return str(self._get_file_identifier(target)), facts

    def persist_task_result(
        self,
        task_db_id: int,
        file_: FileLike,
        file_name: str,
        file_type: str,
        mimetype: str,
        commit: bool = True,
    ) -> TaskFile:
        target = self._new_target(task_db_id, "out", file_name)
        return self._persist_task_file(
            task_db_id, file_, target, file_name, file_type, mimetype, commit
        )

    def persist_task_temp_file(
        self,
        task_db_id: int,
        file_: FileLike,
        file_name: str,
        mimetype: str = "application/octet-stream",
        commit: bool = True,
    ) -> TaskFile:
        target = self._new_target(task_db_id, "tmp", file_name)
        return self._persist_task_file(
            task_db_id, file_, target, file_name, TEMP_FILE, mimetype, commit
        )

    def _new_target(self, task_db_id: int, folder: str, file_name: str) -> Path:
        """Return a path for a file of a task.

        Outputs may have the same name; the random part keeps them apart, and keeps those from
        guessing it who know a store that serves its files itself.
        """
        own = secrets.token_hex(8)
        name = safe_name(_last_part(file_name))
        return self.prepare_path(f"task_{task_db_id}/{folder}/{own}/{name}")

    def _persist_task_file(
        self,
        task_db_id: int,
        file_: FileLike,
        target: str | Path,
        file_name: str,
        file_type: str,
        mimetype: str | None,
        commit: bool = True,
    ) -> TaskFile:
        """Keep a file of a task, with a row for it; for subclasses to override.

        Args:
            task_db_id: the id of the task's row.
            file_: text, bytes, or any text or binary file object.
            target: the path to keep it under, relative to the root of the store.
            file_name: the name that clients see.
            file_type: the data type, such as ``entity/list``.
            mimetype: such as ``text/csv``; blank when unknown.
            commit: commit the session; else the row is only added to it.

        Raises:
            KeyError: there is no such task.
            ResultsTooLarge: the files of the task would take more than they may; this one is not
                kept.
        """
        task = ProcessingTask.get_by_id(task_db_id)
        if task is None:
            raise KeyError(
                f"there is no task with id {task_db_id!r} to keep {file_name!r} for"
            )
        mimetype = (mimetype or "").strip() or ANYTHING
        most = None if self.app is None else self.app.config["TASK_MAX_RESULT_BYTES"]
        room = None if most is None else most - _kept_for(task_db_id)
        try:
            with limited_to(room):
                data, facts = self._keep(file_, Path(target), mimetype)
        except NoRoom:
            raise _too_large(file_name, most) from None
        info = TaskFile(
            task=None,
            security_tag=secrets.token_urlsafe(32),
            storage_provider=self.name,
            file_name=shown_name(file_name),
            file_storage_data=data,
            file_type=file_type,
            mimetype=mimetype,
            size=facts.size,
            sha256=facts.sha256,
        )
        if (
            room is not None and (facts.size or 0) > room
        ):  # a store that reads it otherwise
            self.delete(info)
            raise _too_large(file_name, most)
        if commit:
            info.task_id = task.id
            set_committed_value(info, "task", task)
            insert_row(info)
            DB.session.commit()
        else:
            info.task = task
            info.save()
        return info

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        return self.get_file_url(file_info.file_storage_data, external=external)

    def open(self, file_info: TaskFile) -> AbstractContextManager[BinaryIO]:
        """Open a task's file for reading bytes, as a context manager.

        By default it is fetched from its URL, and can be rewound.

        Raises:
            requests.exceptions.RequestException: while entering: it cannot be fetched.
        """
        url = self.get_task_file_url(file_info, external=False)
        return cast(AbstractContextManager[BinaryIO], open_url_as_file_like_simple(url))

    def delete(self, file_info: TaskFile) -> None:
        """Log that the file stays: stores of plugins need not support deletion."""
        _logger.warning(
            "the file store %r cannot remove files: %r stays",
            self.name,
            file_info.file_storage_data,
        )

    def task_files(self) -> Iterator[KeptFile]:
        """Yield all files of tasks in the store, with or without rows.

        None by default: then no file is considered an orphan.
        """
        return iter(())


class ServedFileStore(FileStore):
    """A store whose files clients download from the runner, at ``/files/<id>/``.

    URLs stay the same wherever the files are stored, and cannot be guessed. :meth:`open` must
    return a seekable file; what it gets has the columns of a file as attributes.
    """

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        if not external:
            return self.get_file_url(file_info.file_storage_data, external=False)
        return served_url(file_info)

    def open(self, file_info: TaskFile) -> BinaryIO:
        """Open a task's file for reading bytes; it can be rewound and has to be closed.

        Raises:
            MissingFile: the store has no such file
            StorageError: the store cannot be reached
        """
        raise NotImplementedError

    def get_download_redirect(self, file_info: TaskFile) -> str | None:
        """Return a URL to redirect downloads to; ``None`` sends the file itself."""
        return None


def served_url(file_info: TaskFile) -> str:
    """Return the URL under which the runner itself sends a file."""
    tag = {"file-id": file_info.security_tag}
    return url_for("files-api.FileView", file_id=file_info.id, _external=True, **tag)


def _kept_for(task_db_id: int) -> int:
    """Return the bytes of all files of a task."""
    size = select(func.sum(TaskFile.size)).filter_by(task_id=task_db_id)
    return int(DB.session.scalar(size) or 0)


def _too_large(file_name: str, most: int | None) -> ResultsTooLarge:
    return ResultsTooLarge(
        f"{file_name!r:.80} was not kept: all files of a task together may have {most} bytes "
        "(TASK_MAX_RESULT_BYTES)"
    )


def _last_part(file_name: str) -> str:
    return re.split(r"[/\\]", str(file_name))[-1]


def shown_name(file_name: str) -> str:
    """Return a name for clients to see: without control characters, and inside of its folder.

    Relative folders are kept. Of a name that begins at a root, or leads out, the last part is.

    >>> shown_name("run/./1/data.csv"), shown_name("/etc/passwd"), shown_name("..")
    ('run/1/data.csv', 'passwd', 'file')
    """
    shown = "".join(char for char in str(file_name) if char.isprintable()).strip()
    shown = posixpath.normpath(shown.replace("\\", "/"))
    if shown.startswith(("/", "..")) or re.match("[A-Za-z]:", shown):
        shown = _last_part(shown)
    parts = [part.strip() for part in shown.split("/")]
    return "/".join(part for part in parts if part.strip("."))[:500] or "file"
