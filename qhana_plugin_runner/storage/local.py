"""The file store in a folder of this host."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from flask import Flask

from ..db.models.tasks import TaskFile
from .content import Content, FileFacts, FileLike
from .errors import MissingFile, StorageError
from .store import KeptFile, ServedFileStore

_TASK = re.compile(r"/task_\d+(/|$)")
_IN_TASK = re.compile(r".*/(task_\d+/(?:out|tmp)/.+)$", re.DOTALL)


class LocalFileStore(ServedFileStore, name="local_filesystem"):
    """Files below ``FILE_STORE_ROOT_PATH``, in the instance folder unless it is absolute.

    Rows hold the path relative to the root. A file is written under a temporary name and
    moved, so that no half-written file is ever found.
    """

    root: Path

    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        self.root = Path(app.instance_path, app.config["FILE_STORE_ROOT_PATH"])
        self._real_root = os.path.realpath(self.root)

    def persist_file(
        self,
        file_: FileLike,
        target: str | Path,
        mimetype: str,
    ) -> FileFacts:
        content = Content(file_)
        # Strings: to take them apart as paths takes as long as to write a small file.
        path = os.path.join(self.root, self.prepare_path(target))
        folder = os.path.dirname(path)
        if not self._holds(os.path.join(os.path.realpath(folder), "")):
            raise StorageError(f"{str(target)!r:.80} leads out of the file store")
        os.makedirs(folder, exist_ok=True)
        unfinished = os.path.join(folder, f".unfinished-{secrets.token_hex(8)}")
        try:
            with open(unfinished, "xb") as file:
                for piece in content:
                    file.write(piece)
            os.replace(unfinished, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(unfinished)
            raise
        return content.facts

    def persist_raw_data(
        self, data: str | bytes, target: str | Path, mimetype: str
    ) -> None:
        """Store ``data`` under the path ``target``; like :meth:`persist_file`, with its ``mimetype``."""
        self.persist_file(data, target, mimetype)

    def path_of(self, file_storage_data: str) -> Path:
        """Return the path of a kept file; see :meth:`_find`."""
        return Path(self._find(file_storage_data))

    def _find(self, file_storage_data: str) -> str:
        """Return the path of a kept file, without symbolic links.

        Rows of an older runner hold absolute paths of its host; those are found by their
        end, from ``task_<id>`` on.

        Raises:
            MissingFile: the file is not there, or not below the root.
        """
        given = file_storage_data
        if given.startswith("/") and (match := _IN_TASK.search(given)):
            given = match[1]
        # The second is where persist_file stores such a path.
        for prepare in (str, self.prepare_path) if "\0" not in given else ():
            path = os.path.realpath(os.path.join(self.root, prepare(given)))
            if self._holds(path) and os.path.isfile(path):
                return path
        raise MissingFile(f"the file store has no file {file_storage_data!r}")

    def _holds(self, path: str) -> bool:
        if not path.startswith(os.path.join(self._real_root, "")):
            # The root may be a link that leads elsewhere now.
            self._real_root = os.path.realpath(self.root)
        return path.startswith(os.path.join(self._real_root, ""))

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        """Return the ``file:`` URL of a kept file, for use on this host."""
        return self.path_of(file_storage_data).as_uri()

    def open(self, file_info: TaskFile) -> BinaryIO:
        return open(self._find(file_info.file_storage_data), "rb")

    def delete(self, file_info: TaskFile) -> None:
        """Remove a file, and the folders of its task that are empty then.

        Raises:
            StorageError: the file system refuses
        """
        try:
            path = self.path_of(file_info.file_storage_data)
            path.unlink(missing_ok=True)
        except MissingFile:
            return
        except OSError as error:
            raise StorageError(
                f"cannot remove {file_info.file_storage_data!r}: {error.strerror}; "
                f"the runner needs to write below {self.root}"
            ) from error
        folder = path.parent
        while folder.is_relative_to(self.root.resolve()) and _TASK.search(str(folder)):
            try:
                folder.rmdir()
            except OSError:
                return  # other files are in it
            folder = folder.parent

    def task_files(self) -> Iterator[KeptFile]:
        for folder in sorted(self.root.glob("task_*")):
            for parent, _folders, names in os.walk(folder):
                for name in names:
                    path = Path(parent, name)
                    try:
                        facts = path.lstat()
                    except FileNotFoundError:
                        continue  # removed meanwhile
                    kept_at = datetime.fromtimestamp(facts.st_mtime, UTC)
                    relative = path.relative_to(self.root).as_posix()
                    yield KeptFile(relative, facts.st_size, kept_at)
