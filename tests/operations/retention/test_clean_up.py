"""What is too old goes, and nothing else."""

import os
import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from helpers.databases import on_each_database, on_one_database
from helpers.runner import runner
from sqlalchemy import event

from qhana_plugin_runner import create_app
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.operations.retention import clean_up, expiry
from qhana_plugin_runner.operations.retention.clean_up import (
    apply_retention,
    days_of_settings,
)
from qhana_plugin_runner.storage import STORE, FileStore, KeptFile
from qhana_plugin_runner.tasking import removal
from qhana_plugin_runner.tasking.removal import Removal, remove_task
from qhana_plugin_runner.tasking.stored import Failures

pytestmark = on_each_database

DAY = 24 * 60 * 60


def test_nothing_is_removed_unless_it_is_asked_for():
    app = create_app({}, silent_log=True)
    with app.app_context():
        assert set(days_of_settings().values()) == {None}
    assert app.config["RETENTION_INTERVAL_SECONDS"] == 3600


def test_without_limits_all_stays(make_task, rows, of_tasks):
    make_task(days=9999)
    assert clean_up({}) == {}
    assert rows() == of_tasks(1)


def test_tasks_that_have_ended_long_ago_go_with_everything(
    client, make_task, rows, of_tasks, files
):
    make_task()
    for days in (31, 29, 45):
        make_task(days)
    removed = clean_up({"finished-tasks": 30})
    assert removed == {
        "finished-tasks": Counter(tasks=2, files=4, bytes=2 * len("result" + "temporary"))
    }
    assert rows() == of_tasks(2)
    assert {path.partition("/")[0] for path in files()} == {"task_1", "task_3"}
    assert clean_up({"finished-tasks": 30}) == {"finished-tasks": Counter()}


def test_temporary_files_go_before_the_task(make_task, rows, of_tasks, files):
    make_task()
    make_task(days=3)
    make_task(days=1)
    removed = clean_up({"temporary-files": 2})
    assert removed == {
        "temporary-files": Counter(tasks=0, files=1, bytes=len("temporary"))
    }
    assert rows() == {**of_tasks(3), "TaskFile": 5}
    assert [path for path in files() if path.endswith("b.txt")][0].startswith("task_1/")
    assert not [path for path in files() if path.startswith("task_2/tmp")]
    assert [path for path in files() if path.startswith("task_2/out")]


def test_a_dry_run_tells_the_same_and_changes_nothing(make_task, rows, files):
    for days in (31, 29):
        make_task(days)
    limits = {"finished-tasks": 30, "temporary-files": 20}
    before = rows(), files()
    told = clean_up(limits, dry_run=True)
    assert (rows(), files()) == before
    assert told["finished-tasks"] == Counter(tasks=1, files=2, bytes=15)
    assert told["temporary-files"] == Counter(tasks=0, files=2, bytes=18)
    # The temporary file of the older one has gone with its task.
    done = clean_up(limits)
    assert done["finished-tasks"] == told["finished-tasks"]
    assert done["temporary-files"] == Counter(tasks=0, files=1, bytes=9)


def test_many_tasks_go_in_small_transactions(app, make_task, rows, monkeypatch):
    monkeypatch.setattr(expiry, "BATCH", 2)
    for _ in range(5):
        make_task(days=2)
    sizes = []

    @event.listens_for(DB.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, _parameters, _context, _many):
        if statement.startswith('DELETE FROM "ProcessingTask" WHERE "ProcessingTask".id'):
            sizes.append(statement.count("%(id") or statement.count("?"))

    assert clean_up({"finished-tasks": 1})["finished-tasks"]["tasks"] == 5
    assert sizes == [2, 2, 1]
    assert rows() == {}


def test_a_task_in_use_holds_up_no_other(app, make_task, rows, monkeypatch, caplog):
    from sqlalchemy import Column, ForeignKey, Integer, Table

    monkeypatch.setattr(expiry, "BATCH", 2)
    ids = [make_task(days=9 - number) for number in range(4)]
    notes = Table(
        "Notes",
        DB.metadata,
        Column("task_id", Integer, ForeignKey(ProcessingTask.id), primary_key=True),
    )
    try:
        notes.create(DB.engine)
        for number in (0, 1):
            DB.session.execute(notes.insert().values(task_id=ids[number]))
        DB.session.commit()
        assert clean_up({"finished-tasks": 1})["finished-tasks"]["tasks"] == 2
        left = DB.session.query(ProcessingTask.id).order_by("id").all()
        assert [task_id for (task_id,) in left] == ids[:2]
        assert f"task {ids[0]} stays" in caplog.text
    finally:
        DB.session.rollback()
        notes.drop(DB.engine)
        DB.metadata.remove(notes)


@pytest.fixture
def orphan(tmp_path):
    """Return a function that puts a file that no row knows into the local store."""

    def orphan(path, days):
        file = tmp_path / "files" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("orphan")
        then = time.time() - days * DAY
        os.utime(file, (then, then))
        return file

    return orphan


def test_files_that_no_row_knows_go_when_they_are_old(
    client, make_task, orphan, files, tmp_path
):
    make_task(days=0)
    for path in (tmp_path / "files").rglob("*.txt"):
        os.utime(path, (0, 0))
    kept = files()
    for path in (
        "task_1/out/xyz/name",
        "task_1/.unfinished-1",
        "task_99/tmp/name",
    ):
        assert orphan(path, days=8).is_file()
    young = orphan("task_1/out/young", days=6)
    elsewhere = orphan("other/name", days=99), orphan("task_x/name", days=99)
    told = clean_up({"orphans": 7}, dry_run=True)
    assert told == {"orphans": Counter(tasks=0, files=3, bytes=3 * len("orphan"))}
    assert clean_up({"orphans": 7}) == told
    assert clean_up({"orphans": 7}) == {"orphans": Counter()}
    for file in (young, *elsewhere):
        file.unlink()
    for folder in ("other", "task_x"):
        (tmp_path / "files" / folder).rmdir()
    assert files() == kept


def test_files_are_known_however_their_rows_name_them(make_task, orphan, context):
    task_id = make_task(days=0)
    places = {
        "/app/instance/files/task_1/out/legacy.txt": "task_1/out/legacy.txt",
        "/srv/task_3/files/task_1/out/below.txt": "task_1/out/below.txt",
        "https://files.example/a/task_1/out/a%20b": "task_1/out/a b",
        "task_1/out/../out/plain": "task_1/out/out/plain",
        "task_77/out/of-another-task": "task_77/out/of-another-task",
    }
    for place, path in places.items():
        orphan(path, days=99)
        task = ProcessingTask.get_by_id(task_id)
        TaskFile(task, "tag", "local_filesystem", "name", place, "type").save(commit=True)
    assert clean_up({"orphans": 7}) == {"orphans": Counter()}


def test_orphans_in_s3_go_too(tmp_path, s3_settings, s3_client):
    with runner(tmp_path, **s3_settings, DEFAULT_FILE_STORE="s3") as app:
        with app.app_context():
            task = ProcessingTask("a-task")
            task.save(commit=True)
            STORE.persist_task_result(1, "known", "a.txt", "type", "text/plain")
            for path in ("task_1/out/unknown", "other/unknown"):
                STORE["s3"].persist_file("orphan", path, "text/plain")
            # The server's clock says when a file was kept: a day below zero is tomorrow.
            removed = clean_up({"orphans": -1})
            assert removed == {"orphans": Counter(tasks=0, files=1, bytes=len("orphan"))}
    listed = s3_client.list_objects_v2(
        Bucket=s3_settings["S3_BUCKET"], Prefix=s3_settings["S3_KEY_PREFIX"]
    )
    assert {each["Size"] for each in listed["Contents"]} == {len("known"), len("orphan")}
    assert len(listed["Contents"]) == 2


@pytest.fixture
def failing_store():
    """A store that is away."""
    known = dict(FileStore.known)

    class Away(FileStore, name="away"):
        calls = 0

        def persist_file(self, file_, target, mimetype, storage_provider=None):
            pass

        def delete(self, file_info):
            Away.calls += 1
            raise ConnectionError("nobody answers")

        def task_files(self):
            yield KeptFile("task_1/out/x", 1, datetime.now(UTC) - timedelta(days=99))

    yield Away
    FileStore.known.clear()
    FileStore.known.update(known)


def test_a_store_that_is_away_is_given_up_and_holds_up_no_other(
    make_task, rows, files, failing_store, caplog
):
    ids = [make_task(days=9), make_task(days=9)]
    for task_id in ids:
        for name in ("a", "b"):
            STORE.persist_task_result(
                task_id, "x", name, "type", "text/plain", storage_provider="away"
            )
    clean_up({"finished-tasks": 1, "orphans": 1})
    assert "nobody answers" in caplog.text
    assert rows() == {"RemovedFile": 4}
    assert files() == []
    failing_store.calls = 0
    clean_up({})
    assert failing_store.calls == Failures.MAX == 3
    failing_store.delete = lambda self, info: None
    clean_up({})
    assert rows() == {}


def test_a_file_that_cannot_be_removed_holds_up_no_other(make_task, rows, failing_store):
    task_id = make_task(days=9)
    for name in ("a", "b", "c", "d", "e"):
        STORE.persist_task_result(
            task_id, "x", name, "type", "text/plain", storage_provider="away"
        )
    refuse = failing_store.delete
    failing_store.delete = lambda self, info: (
        refuse(self, info) if info.file_name in "abd" else None
    )
    clean_up({"finished-tasks": 1})
    assert rows() == {"RemovedFile": 3}


# Only SQLite has no locks of rows.
@on_one_database
def test_nobody_else_writes_while_tasks_are_removed(app, make_task, monkeypatch):
    monkeypatch.setattr(removal, "_note_bytes", no_writer_may_be_there)
    assert remove_task(make_task(days=9)) is Removal.DONE


def no_writer_may_be_there(_condition):
    with closing(sqlite3.connect(DB.engine.url.database, timeout=0)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute('DELETE FROM "TaskLink"')
    return []


def test_the_maintenance_cleans_up(app, make_task, rows):
    make_task(days=9)
    apply_retention()
    assert rows()
    app.config["RETENTION_FINISHED_DAYS"] = 8.0
    apply_retention()
    assert rows() == {}
