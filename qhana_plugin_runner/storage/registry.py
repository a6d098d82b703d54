"""All stores of an app behind one interface."""

import logging
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, cast

from flask import Flask, current_app, has_app_context

from ..db.models.tasks import TaskFile
from ..requests import allow_folder
from .content import FileFacts, FileLike
from .errors import StorageError, UnknownFileStore
from .interface import FileStoreInterface
from .local import LocalFileStore
from .store import FileStore, ServedFileStore

_logger = logging.getLogger(__name__)


class FileStoreRegistry(FileStoreInterface):
    """All stores of an app; calls without a store's name go to the default one.

    Stores of plugins are found as well: a store is created at first use.
    """

    _last_app: Flask | None = None

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Prepare the stores of this app; each is created at first use.

        Outside of an app context, those of the newest app are used.
        """
        app.extensions["file_stores"] = {}
        app.extensions["broken_file_stores"] = set()
        self._last_app = app

    def _app(self) -> Flask:
        if has_app_context():
            return cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]
        if self._last_app is None:
            raise RuntimeError("There are no file stores before create_app() was called.")
        return self._last_app

    def __getitem__(self, name: str) -> FileStore:
        """Return a store by its name.

        Raises:
            UnknownFileStore: there is none; the message lists those there are.
            StorageError: it cannot be set up; each call tries again, the first failure is logged.
        """
        app = self._app()
        stores: dict[str, FileStore] = app.extensions["file_stores"]
        if name not in stores:
            try:
                store = FileStore.known[name]
            except KeyError:
                raise UnknownFileStore(
                    f"there is no file store {name!r}, only {', '.join(sorted(FileStore.known))}; "
                    "correct DEFAULT_FILE_STORE, or install the plugin that brings the store"
                ) from None
            stores[name] = _set_up(store, name, app)
        return stores[name]

    def serving(self, file_info: TaskFile) -> ServedFileStore | None:
        """Return the store of a file if the runner can send its content, else ``None``.

        Raises:
            UnknownFileStore: the plugin that brought the store is gone
            StoreNotConfigured: a setting of the store is missing
            StorageError: the store cannot be set up
        """
        store = self[file_info.storage_provider]
        return store if isinstance(store, ServedFileStore) else None

    def _store(self, name: str | None) -> FileStore:
        return self[name or self._app().config["DEFAULT_FILE_STORE"]]

    def persist_file(
        self,
        file_: FileLike,
        target: str | Path,
        mimetype: str = "application/octet-stream",
        storage_provider: str | None = None,
    ) -> FileFacts | None:
        return self._store(storage_provider).persist_file(file_, target, mimetype)

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

    def delete(self, file_info: TaskFile) -> None:
        self[file_info.storage_provider].delete(file_info)


def _set_up(store: type[FileStore], name: str, app: Flask) -> FileStore:
    try:
        made = store(app=app)
        made.init_app(app)
        if isinstance(made, LocalFileStore):
            allow_folder(app, made.root)
    except StorageError:
        raise
    except Exception as error:  # stores of plugins raise anything
        broken: set[str] = app.extensions["broken_file_stores"]
        if name not in broken:
            broken.add(name)
            _logger.exception("the file store %r cannot be set up", name)
        raise StorageError(
            f"the file store {name!r} cannot be set up ({type(error).__name__}: {error}); "
            "check its settings, and that its server runs"
        ) from error
    return made
