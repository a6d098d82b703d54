"""The file store of files on other servers."""

from pathlib import Path

from ..db.models.tasks import TaskFile
from .content import FileFacts, FileLike
from .errors import StorageError
from .store import FileStore


class UrlFileStore(FileStore, name="url_file_store"):
    """Stores only a URL: ``file_`` is the URL of a file on another server."""

    def persist_file(
        self,
        file_: FileLike,
        target: str | Path,
        mimetype: str,
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
        """Do nothing: the file belongs to another server."""
