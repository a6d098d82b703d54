"""Files that somebody else keeps."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..db.models.tasks import TaskFile
from ..requests import open_url
from .content import FileFacts, FileLike
from .errors import StorageError
from .store import FileStore


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

    def _keep(
        self, file_: FileLike, target: Path, mimetype: str
    ) -> tuple[str, FileFacts]:
        self.persist_file(file_, target, mimetype)
        return str(file_), FileFacts()

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        return file_storage_data

    def delete(self, file_info: TaskFile) -> None:
        """Do nothing: the file is somebody else's."""

    @contextmanager
    def open(self, file_info: TaskFile) -> Iterator[BinaryIO]:
        with open_url(file_info.file_storage_data, stream=True) as response:
            response.raw.decode_content = True
            response.raw.auto_close = False  # the reader asks once more after the end
            yield io.BufferedReader(response.raw)
