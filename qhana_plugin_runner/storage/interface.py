"""The interface of file stores for plugins."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from ..db.models.tasks import TaskFile
from .content import FileFacts, FileLike


class FileStoreInterface:
    """The methods of a store and of :data:`STORE`."""

    def persist_file(
        self,
        file_: FileLike,
        target: str | Path,
        mimetype: str,
    ) -> FileFacts | None:
        """Keep a file.

        Args:
            file_: text, bytes, or any text or binary file object.
            target: the path to keep it under, relative to the root of the store.
            mimetype: for stores that serve files themselves.

        Returns:
            size and digest of the content, if the store has measured them
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
    ) -> TaskFile:
        """Keep an output of a task and list it with the task.

        Args:
            task_db_id: the id of the task's row.
            file_: text, bytes, or any text or binary file object.
            file_name: the name that clients see.
            file_type: the data type, such as ``entity/list``.
            mimetype: such as ``text/csv``.
            commit: commit the session; else the row is only added to it.

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
    ) -> TaskFile:
        """Keep a file for a later step; it is never listed as an output.

        Args:
            task_db_id: the id of the task's row.
            file_: text, bytes, or any text or binary file object.
            file_name: a name for the file.
            mimetype: such as ``text/csv``.
            commit: commit the session; else the row is only added to it.

        Raises:
            KeyError: there is no such task.
        """
        raise NotImplementedError

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        """Return a URL under which a kept file can be fetched.

        Args:
            file_storage_data: what the row of the file holds under this name.
            external: for clients; else for the runner itself.
        """
        raise NotImplementedError

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        """Return a URL under which a task's file can be fetched.

        Args:
            file_info: the row of the file.
            external: for clients; else for the runner itself.
        """
        raise NotImplementedError

    def open(self, file_info: TaskFile) -> AbstractContextManager[BinaryIO]:
        """Open a task's file for reading bytes, as a context manager."""
        raise NotImplementedError

    def delete(self, file_info: TaskFile) -> None:
        """Remove the bytes of a task's file; nothing happens when they are gone already.

        The row of the file is left alone.
        """
        raise NotImplementedError
