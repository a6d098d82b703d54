"""Every store does what is expected of a store."""

from uuid import uuid4

import pytest
from helpers.runner import runner

from qhana_plugin_runner.storage import FileStore, MissingFile
from qhana_plugin_runner.testing.file_stores import ContentStoreTests, FileStoreTests


class TestLocalStore(ContentStoreTests):
    store = "local_filesystem"

    @pytest.fixture
    def app(self, tmp_path):
        with runner(tmp_path) as app:
            yield app


class TestS3Store(ContentStoreTests):
    store = "s3"

    @pytest.fixture
    def app(self, tmp_path, s3_settings):
        with runner(tmp_path, **s3_settings) as app:
            yield app


class TestS3StoreWithRedirects(ContentStoreTests):
    store = "s3"

    @pytest.fixture
    def app(self, tmp_path, s3_settings):
        with runner(tmp_path, **s3_settings, S3_DOWNLOAD="presigned") as app:
            yield app


class TestUrlStore(FileStoreTests):
    store = "url_file_store"

    @pytest.fixture
    def app(self, tmp_path):
        with runner(tmp_path) as app:
            yield app

    @pytest.fixture(autouse=True)
    def other_host(self, site):
        self.site = site

    def to_keep(self, content):
        return self.site.put(f"/{uuid4()}", content, Content_Type="text/csv")


@pytest.fixture
def folder_store(tmp_path):
    """A store as a plugin would write it, with no more than it has to."""
    known = dict(FileStore.known)

    class FolderStore(FileStore, name="folder"):
        def persist_file(self, file_, target, mimetype, storage_provider=None):
            path = tmp_path / "kept" / target
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(file_, str):
                file_ = file_.encode("utf-8")
            if hasattr(file_, "read"):
                pieces = []
                while piece := file_.read():
                    pieces.append(piece.encode() if isinstance(piece, str) else piece)
                file_ = b"".join(pieces)
            path.write_bytes(file_)

        def get_file_url(self, file_storage_data, external=True):
            path = tmp_path / "kept" / file_storage_data
            return f"http://files/{file_storage_data}" if external else path.as_uri()

        def open(self, file_info):
            path = (tmp_path / "kept" / file_info.file_storage_data).resolve()
            if not path.is_relative_to(tmp_path / "kept"):
                raise MissingFile(f"no file {file_info.file_storage_data!r}")
            return path.open("rb")

    yield FolderStore
    FileStore.known.clear()
    FileStore.known.update(known)


class TestStoreOfAPlugin(ContentStoreTests):
    store = "folder"

    @pytest.fixture
    def app(self, tmp_path, folder_store):
        with runner(tmp_path) as app:
            yield app
