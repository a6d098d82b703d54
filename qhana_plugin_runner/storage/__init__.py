"""File stores: where results and temporary files of tasks are kept.

Plugins use :data:`STORE`, which hands each call to the default store or to the one that is
named. A new store is a subclass of :class:`FileStore` with a name::

    class MyStore(FileStore, name="my-store"):
        def persist_file(self, file_, target, mimetype): ...
        def get_file_url(self, file_storage_data, external=True): ...

:mod:`qhana_plugin_runner.testing.file_stores` has the tests that every store passes.
"""

from .content import CHUNK, FileFacts, content_type
from .errors import MissingFile, StorageError, StoreNotConfigured, UnknownFileStore
from .interface import FileStoreInterface
from .local import LocalFileStore
from .registry import FileStoreRegistry
from .s3 import S3FileStore
from .store import FileStore, KeptFile, ServedFileStore, served_url, shown_name
from .url import UrlFileStore

__all__ = [
    "CHUNK",
    "STORE",
    "FileFacts",
    "FileStore",
    "FileStoreInterface",
    "FileStoreRegistry",
    "KeptFile",
    "LocalFileStore",
    "MissingFile",
    "S3FileStore",
    "ServedFileStore",
    "StorageError",
    "StoreNotConfigured",
    "UnknownFileStore",
    "UrlFileStore",
    "content_type",
    "served_url",
    "shown_name",
]

STORE = FileStoreRegistry()
"""All file stores of the current app. ``STORE["name"]`` is the store with that name."""
