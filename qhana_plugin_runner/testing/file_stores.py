"""Conformance tests of file stores.

A plugin with a store inherits the tests in its own test module and provides the name of the store
and an app with its settings::

    from qhana_plugin_runner.testing.file_stores import ContentStoreTests

    class TestMyStore(ContentStoreTests):
        store = "my-store"

        @pytest.fixture
        def app(self, tmp_path):
            app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/test.db", ...})
            with app.app_context():
                DB.create_all()
            return app
"""

import gzip
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path, PureWindowsPath
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import Any

import pytest
import urllib3
from flask import Flask

from ..db import DB
from ..db.models.tasks import ProcessingTask, TaskFile
from ..requests import open_url
from ..storage import CHUNK, STORE, FileStore, StorageError

__all__ = ["ContentStoreTests", "FileStoreTests"]

TEXT = "ünïcödé 数据 🎉\r\n\n" * 3
CONTENT = TEXT.encode("utf-8")

HOSTILE_NAMES = [
    *("/etc/passwd", "../../x", "..", "", "a/../../b", "//host/x", "~/x", ".hidden"),
    *("C:\\x.txt", "..\\..\\x", "\\\\host\\share\\x", "CON", "aux.txt", "x.txt:stream"),
    *("nul\0", "line\r\nbreak", "%2e%2e%2fx", "-rf", "/dev/zero", "\u202excod.exe"),
    *("\u00fc" * 999, "x" * 5000, "x." + "y" * 5000, "\ud800", "\U0001f389"),
]
"""What a client may call a file: paths, devices, bytes that end names, other directions."""


def leading_out(path: Path) -> list[str]:
    """Return ways to write the path of a file outside of a store."""
    there = str(path)
    up = "../" * 30 + there.lstrip("/")
    return [
        *(there, f"/{there}", up, f"task_1/out/{up}", up.replace("/", "\\")),
        *(f"{there}\0", f"task_1\0/{up}", path.as_uri(), f"%2e%2e/{up}"),
        *("/dev/zero", "CON", "", ".", "x" * 5000, f"\u202e/../{up}"),
    ]


class FileStoreTests:
    """Tests of every store.

    Attributes:
        store: the name of the store.
    """

    store: str

    @pytest.fixture
    def app(self) -> Flask:
        """Return an app with the settings of the store and an empty database."""
        raise NotImplementedError("return an app with the settings of the store")

    def to_keep(self, content: bytes) -> Any:
        """Return what a plugin passes to the store for this content."""
        return content

    @pytest.fixture
    def task(self, app: Flask) -> Iterator[ProcessingTask]:
        """A task to store files for, in a request of a client."""
        with app.test_request_context():
            task = ProcessingTask(task_name="a-task")
            task.save(commit=True)
            yield task
            DB.session.rollback()

    def persist(
        self,
        task: ProcessingTask,
        content: bytes = CONTENT,
        name: str = "name.csv",
        **options: Any,
    ) -> TaskFile:
        """Store an output of the task."""
        file = self.to_keep(content)
        options = {"storage_provider": self.store, **options}
        return STORE.persist_task_result(
            task.id, file, name, "entity/list", "text/csv", **options
        )

    def test_it_is_known_by_its_name(self, task: ProcessingTask) -> None:
        assert isinstance(STORE[self.store], FileStore)
        assert STORE[self.store].name == self.store

    def test_a_row_describes_the_file(self, task: ProcessingTask) -> None:
        info = self.persist(task)
        assert info.id and info.task is task and task.outputs == [info]
        assert info.storage_provider == self.store
        described = (info.file_name, info.file_type, info.mimetype)
        assert described == ("name.csv", "entity/list", "text/csv")

    def test_the_content_can_be_read_again(self, task: ProcessingTask) -> None:
        info = self.persist(task)
        for _time in range(2):
            with STORE.open(info) as file:
                assert file.read() == CONTENT

    def test_the_content_can_be_read_in_pieces(self, task: ProcessingTask) -> None:
        with STORE.open(self.persist(task)) as file:
            assert file.read(5) + file.read() == CONTENT

    def test_the_content_can_be_read_line_by_line(self, task: ProcessingTask) -> None:
        with STORE.open(self.persist(task)) as file:
            assert list(file) == CONTENT.splitlines(keepends=True)

    def test_the_runner_gets_a_url_that_it_can_open(self, task: ProcessingTask) -> None:
        info = self.persist(task)
        with open_url(STORE.get_task_file_url(info, external=False)) as response:
            assert response.content == CONTENT

    def test_clients_get_an_absolute_url(self, task: ProcessingTask) -> None:
        url = STORE.get_task_file_url(self.persist(task))
        assert re.match(r"https?://[^/]+/", url)

    def test_files_of_the_same_name_are_two_files(self, task: ProcessingTask) -> None:
        files = [self.persist(task, content) for content in (b"one", b"two")]
        assert len({STORE.get_task_file_url(file) for file in files}) == 2
        for file, content in zip(files, (b"one", b"two")):
            with STORE.open(file) as kept:
                assert kept.read() == content

    def test_temporary_files_are_no_outputs(self, task: ProcessingTask) -> None:
        info = STORE.persist_task_temp_file(
            task.id, self.to_keep(CONTENT), "name.csv", storage_provider=self.store
        )
        assert info.file_type == "temp-file"
        assert TaskFile.get_task_result_files(task) == []
        with STORE.open(info) as file:
            assert file.read() == CONTENT

    def test_a_row_is_committed_only_when_asked(self, task: ProcessingTask) -> None:
        self.persist(task, commit=False)
        DB.session.rollback()
        assert TaskFile.get_task_result_files(task) == []

    def test_an_unknown_task_is_a_key_error(self, app: Flask) -> None:
        with app.test_request_context(), pytest.raises(KeyError, match="99"):
            STORE.persist_task_result(
                99, self.to_keep(CONTENT), "n", "t", "m", storage_provider=self.store
            )

    def test_a_file_can_be_deleted_again_and_again(self, task: ProcessingTask) -> None:
        info, other = self.persist(task), self.persist(task, b"other")
        for _time in range(2):
            STORE.delete(info)
        with STORE.open(other) as file:
            assert file.read() == b"other"

    def test_all_files_that_a_store_tells_of_are_those_of_tasks(
        self, task: ProcessingTask
    ) -> None:
        self.persist(task)
        for file in STORE[self.store].task_files():
            assert file.path.startswith(f"task_{task.id}/")
            assert file.size == len(CONTENT)
            assert abs(datetime.now(UTC) - file.kept_at) < timedelta(hours=1)

    def test_any_name_will_do(self, task: ProcessingTask) -> None:
        for name in HOSTILE_NAMES:
            info = self.persist(task, name=name)
            shown = PureWindowsPath(info.file_name)  # takes both kinds of slashes
            assert shown.parts and not shown.anchor and ".." not in shown.parts, name
            assert info.file_name.isprintable() and len(info.file_name) <= 500, name
            with STORE.open(info) as file:
                assert file.read() == CONTENT, name

    def test_names_that_differ_little_are_of_several_files(
        self, task: ProcessingTask
    ) -> None:
        names = ["n\u00e4me.csv", "na\u0308me.csv", "N\u00c4ME.CSV", "n\u00e4me.csv."]
        files = [self.persist(task, name.encode(), name) for name in names]
        for info, name in zip(files, names):
            with STORE.open(info) as file:
                assert file.read() == name.encode()


def _written(file: Any) -> Any:
    """Write the content as text or as bytes, and stay at the end of the file."""
    try:
        file.write(CONTENT)
    except TypeError:
        file.write(TEXT)
    return file


KINDS: dict[str, Callable[[Path], Any]] = {
    "str": lambda _: TEXT,
    "bytes": lambda _: CONTENT,
    "bytearray": lambda _: bytearray(CONTENT),
    "memoryview": lambda _: memoryview(CONTENT),
    "BytesIO": lambda _: _written(io.BytesIO()),
    "StringIO": lambda _: _written(io.StringIO(newline="")),
    "text file": lambda path: _written(open(path, "w+", encoding="utf-8", newline="")),
    "binary file": lambda path: _written(open(path, "w+b")),
    "temporary file": lambda _: _written(TemporaryFile()),
    "spooled in memory": lambda _: _written(SpooledTemporaryFile()),
    "spooled on disk": lambda _: _written(SpooledTemporaryFile(5)),
    "spooled text": lambda _: _written(
        SpooledTemporaryFile(mode="w+", encoding="utf-8", newline="")
    ),
}
"""The kinds of files that plugins pass to a store."""


class _Pipe(io.BytesIO):
    """A file that can be read only once, from start to end."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise io.UnsupportedOperation("seek")


class _Failing(_Pipe):
    """Returns the start of a file, then fails."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell():
            raise OSError("the source is gone")
        return super().read(5)


class ContentStoreTests(FileStoreTests):
    """Tests of every store that stores the content itself."""

    def read(self, info: TaskFile) -> bytes:
        with STORE.open(info) as file:
            return file.read()

    def keep(self, task: ProcessingTask, file: Any) -> TaskFile:
        """Store a file of any kind."""
        return STORE.persist_task_result(
            task.id, file, "name", "type", "text/plain", storage_provider=self.store
        )

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_of_file_is_kept_from_its_start(
        self, task: ProcessingTask, tmp_path: Path, kind: str
    ) -> None:
        file = KINDS[kind](tmp_path / "given")
        try:
            assert self.read(self.keep(task, file)) == CONTENT
        finally:
            if hasattr(file, "close"):
                file.close()

    def test_a_pipe_is_kept_from_where_it_is(self, task: ProcessingTask) -> None:
        pipe = _Pipe(b"read already; the rest")
        pipe.read(14)
        assert self.read(self.keep(task, pipe)) == b"the rest"

    @pytest.mark.parametrize("packed", [False, True], ids=["plain", "compressed"])
    def test_the_raw_response_of_a_download_is_kept_as_what_it_is(
        self, task: ProcessingTask, packed: bool
    ) -> None:
        body = io.BytesIO(gzip.compress(CONTENT) if packed else CONTENT)
        headers = {"Content-Encoding": "gzip"} if packed else {}
        response = urllib3.HTTPResponse(body, headers=headers, preload_content=False)
        assert self.read(self.keep(task, response)) == CONTENT

    @pytest.mark.parametrize("content", ["", b""], ids=["text", "bytes"])
    def test_an_empty_file_is_a_file(self, task: ProcessingTask, content: Any) -> None:
        assert self.read(self.keep(task, content)) == b""

    def test_a_file_of_many_pieces_is_kept(self, task: ProcessingTask) -> None:
        content = bytes(range(256)) * (64 * CHUNK // 256) + b"end"
        assert self.read(self.keep(task, _Pipe(content))) == content

    def test_size_and_digest_are_known(self, task: ProcessingTask) -> None:
        info = self.keep(task, CONTENT)
        digest = sha256(CONTENT).hexdigest()
        assert (info.size, info.sha256) == (len(CONTENT), digest)

    def test_a_source_that_fails_leaves_no_row(self, task: ProcessingTask) -> None:
        with pytest.raises(OSError, match="the source is gone"):
            self.keep(task, _Failing(b"half of the content"))
        DB.session.commit()
        assert TaskFile.get_task_result_files(task) == []

    def test_deleted_content_is_gone(self, task: ProcessingTask) -> None:
        store = STORE[self.store]
        if type(store).delete is FileStore.delete:
            pytest.skip("this store cannot delete files")
        info = self.keep(task, CONTENT)
        STORE.delete(info)
        with pytest.raises((StorageError, OSError)):
            self.read(info)
        assert [file for file in store.task_files()] == []

    def test_a_row_that_leads_out_of_the_store_finds_nothing(
        self, task: ProcessingTask, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        secret = tmp_path_factory.mktemp("outside") / "secret"
        secret.write_bytes(CONTENT)
        info = self.keep(task, b"x")
        for data in leading_out(secret):
            info.file_storage_data = data
            with pytest.raises((StorageError, OSError, ValueError)):
                self.read(info)
            STORE.delete(info)
            assert secret.exists()

    def test_a_file_can_be_kept_under_a_path(self, task: ProcessingTask) -> None:
        store = STORE[self.store]
        target = store.prepare_path("folder/my name.txt")
        STORE.persist_file(CONTENT, target, "text/plain", storage_provider=self.store)
        url = STORE.get_file_url(
            store._get_file_identifier(target),
            external=False,
            storage_provider=self.store,
        )
        with open_url(url) as response:
            assert response.content == CONTENT
