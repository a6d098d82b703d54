"""The local store: where files are, who may find them, and what a failure leaves."""

import io
import os
import re
import stat
import unicodedata
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from helpers.databases import on_each_database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import TaskFile
from qhana_plugin_runner.requests import get_mimetype, open_url
from qhana_plugin_runner.storage import STORE, FileStore, StorageError


def persist(task, name="name.txt", content="content", **options):
    return STORE.persist_task_result(
        task.id, content, name, "entity/list", "text/csv", **options
    )


def read(info):
    with STORE.open(info) as file:
        return file.read()


def test_results_and_temporary_files_are_in_folders_of_their_task(task, root):
    result = persist(task)
    temporary = STORE.persist_task_temp_file(task.id, b"temporary", "tmp.bin")
    for info, folder, content in [
        (result, "out", b"content"),
        (temporary, "tmp", b"temporary"),
    ]:
        assert info.file_storage_data.startswith(f"task_{task.id}/{folder}/")
        assert (root / info.file_storage_data).read_bytes() == content


def test_a_row_describes_the_file(task):
    info = persist(task)
    assert info.task is task and info.id
    assert (info.file_name, info.file_type, info.mimetype, info.storage_provider) == (
        "name.txt",
        "entity/list",
        "text/csv",
        "local_filesystem",
    )
    assert len(info.security_tag) >= 43  # 256 bits
    assert task.outputs == [info]


def test_temporary_files_are_no_outputs(task):
    info = STORE.persist_task_temp_file(task.id, "x", "x.csv", mimetype="text/csv")
    assert info.file_type == "temp-file"
    assert TaskFile.get_task_result_files(task) == []


@on_each_database
def test_a_row_is_written_with_the_next_commit_when_asked(task):
    persist(task, commit=False)
    DB.session.rollback()
    assert TaskFile.get_task_result_files(task) == []
    persist(task, commit=False)
    DB.session.commit()
    assert len(TaskFile.get_task_result_files(task)) == 1


def test_files_of_the_same_name_are_two_files(task):
    one, two = persist(task, content="one"), persist(task, content="two")
    assert (read(one), read(two)) == (b"one", b"two")
    assert one.security_tag != two.security_tag


@on_each_database
def test_an_unknown_task_is_a_key_error_and_leaves_no_file(context, files_on_disk):
    with pytest.raises(KeyError, match="99"):
        STORE.persist_task_result(99, "x", "name", "type", "text/plain")
    assert files_on_disk() == []


HOSTILE = {
    "/etc/passwd": "passwd",
    "../../../x": "x",
    "..": "file",
    ".": "file",
    "../..": "file",
    "sub/dir/x.csv": "sub/dir/x.csv",
    "sub\\.\\x.csv": "sub/x.csv",
    "": "file",
    "/": "file",
    "C:\\windows\\x.txt": "x.txt",
    "..\\..\\x": "x",
    "a/../../b": "b",
    "name\r\nX-Header: 1": "nameX-Header: 1",
    "nul\0byte": "nulbyte",
    "\x1b[31mred": "[31mred",
    "\u202egnp.exe": "gnp.exe",
    "lone \ud800": "lone",
    "数据.csv": "数据.csv",
    "ünïcödé name.csv": "ünïcödé name.csv",
    "x" * 1000 + ".csv": "x" * 500,
    "  spaces  ": "spaces",
    ".hidden": ".hidden",
    "CON": "CON",
    "-rf": "-rf",
    "a;b|c&d$(e)`f`'g\"h": "a;b|c&d$(e)`f`'g\"h",
}


def assert_harmless(name):
    assert 1 <= len(name) <= 100 and len(name.encode()) <= 200
    assert not name.startswith(".")
    assert all(char in "._-" or unicodedata.category(char)[0] in "LMN" for char in name)


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_hostile_name_stays_below_the_tasks_folder_and_is_shown_clean(task, root, name):
    info = persist(task, name)
    path = (root / info.file_storage_data).resolve()
    assert path.is_relative_to(root / f"task_{task.id}" / "out")
    assert path.is_file()
    assert_harmless(path.name)
    assert info.file_name == HOSTILE[name]
    assert read(info) == b"content"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_a_prepared_path_is_relative_plain_and_stays_as_it_is(name):
    path = FileStore().prepare_path(f"task_1/out/{name}")
    assert path.parts[:2] == ("task_1", "out") and not path.is_absolute()
    for part in path.parts:
        assert_harmless(part)
    assert FileStore().prepare_path(path) == path


@pytest.mark.parametrize(
    "stem", ["x" * 1000, "数据" * 300, "данные", "مرحبا", "हिन्दी", "📈", "?"]
)
def test_the_ending_of_any_name_is_kept_on_disk(task, stem):
    info = persist(task, f"{stem}.csv")
    assert re.fullmatch(r"[\w\W]{1,96}\.csv", info.file_storage_data.split("/")[-1])
    with open_url(STORE.get_task_file_url(info, external=False)) as response:
        assert get_mimetype(response) == "text/csv"


class Failing(io.BytesIO):
    """Gives some bytes, then fails."""

    def read(self, *args):
        if self.tell():
            raise OSError("the source is gone")
        return super().read(5)


@on_each_database
def test_a_source_that_fails_leaves_no_file_and_no_row(task, files_on_disk):
    with pytest.raises(OSError, match="source is gone"):
        persist(task, content=Failing(b"half of the content"))
    assert files_on_disk() == []
    DB.session.commit()
    assert TaskFile.get_task_result_files(task) == []


@on_each_database
@pytest.mark.parametrize("make", [str, io.StringIO])
def test_half_of_a_surrogate_pair_is_replaced(task, make):
    assert read(persist(task, content=make("lone \ud800"))) == "lone \ufffd".encode()


def test_a_disk_that_is_full_leaves_no_file_and_no_row(task, files_on_disk):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(OSError):
            persist(task, content=io.BytesIO(b"x" * 2_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert files_on_disk() == []
    DB.session.commit()
    assert TaskFile.get_task_result_files(task) == []


def test_a_file_is_not_found_before_it_is_complete(task, root):
    seen = []

    class Watching(io.BytesIO):
        def read(self, *args):
            piece = super().read(5)
            seen.append([p.name for p in root.rglob("*.txt")])
            return piece

    persist(task, content=Watching(b"in several pieces"))
    assert len(seen) > 3 and not any(seen)
    assert len(list(root.rglob("*.txt"))) == 1


def test_a_file_that_is_kept_again_under_its_target_is_replaced(context, root):
    STORE.persist_file("one", "folder/name.txt", "text/plain")
    STORE.persist_file(b"two", Path("folder/name.txt"), mimetype="text/plain")
    STORE["local_filesystem"].persist_raw_data("x", "folder/raw", "text/plain")
    assert (root / "folder/name.txt").read_text() == "two"
    assert (root / "folder/raw").read_text() == "x"


def test_a_file_that_was_kept_under_any_path_is_found_under_it(context, root):
    STORE.persist_file("one", "reports/my file.csv", "text/csv")
    url = STORE.get_file_url("reports/my file.csv")
    assert Path(urlsplit(url).path).read_text() == "one"


@pytest.mark.parametrize("target", ["../outside", "/outside", "a/../../outside"])
def test_a_target_outside_of_the_root_ends_up_inside(context, root, target):
    STORE.persist_file("x", target, "text/plain")
    assert len(list(root.rglob("outside"))) == 1
    assert not (root.parent / "outside").exists()


def test_files_get_the_permissions_that_the_system_gives_new_files(task, root):
    mask = os.umask(0o022)
    try:
        path = root / persist(task).file_storage_data
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def row(task, data):
    return TaskFile(task, "tag", "local_filesystem", "name", data, "type", "text/plain")


@pytest.mark.parametrize(
    "data",
    [
        "/etc/passwd",
        "../outside.txt",
        "task_1/out/../../../outside.txt",
        "/x/task_1/out/../../../outside.txt",
        "task_1/out/link.txt",
        "task_1/out",
        "task_1/out/none.txt",
        "",
        ".",
    ],
)
def test_rows_never_lead_outside_of_the_root(task, root, data):
    (root / "task_1/out").mkdir(parents=True)
    (root.parent / "outside.txt").write_text("secret")
    (root / "task_1/out/link.txt").symlink_to(root.parent / "outside.txt")
    with pytest.raises(StorageError, match="has no file"):
        read(row(task, data))


def test_the_root_may_be_a_link(task, root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    root.symlink_to(tmp_path / "elsewhere")
    assert read(persist(task)) == b"content"


def test_the_root_may_be_moved_behind_its_link(task, root, tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    root.symlink_to(before)
    info = persist(task)
    assert read(info) == b"content"
    before.rename(after)
    root.unlink()
    root.symlink_to(after)
    assert read(info) == b"content"


def test_urls_are_for_clients_or_for_this_host(app, task):
    info = persist(task)
    local = STORE.get_task_file_url(info, external=False)
    assert local.startswith("file:///")
    assert STORE.get_file_url(info.file_storage_data) == local
    with app.test_request_context(base_url="https://qhana.example/runner/"):
        assert STORE.get_task_file_url(info) == (
            f"https://qhana.example/runner/files/{info.id}/?file-id={info.security_tag}"
        )
