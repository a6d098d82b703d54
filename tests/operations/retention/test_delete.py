"""``DELETE /tasks/<id>/``: all of a task goes, and nothing of others."""

import pytest
from helpers.databases import on_each_database
from sqlalchemy import Column, ForeignKey, Integer, Table, event

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.removed_files import RemovedFile
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.operations.retention import clean_up
from qhana_plugin_runner.storage import STORE, FileStore
from qhana_plugin_runner.tasking import life_cycle

pytestmark = on_each_database


def test_a_task_goes_with_all_that_belongs_to_it(
    client, make_task, rows, of_tasks, files
):
    kept, removed = make_task(days=0), make_task(days=0)
    assert rows() == of_tasks(2)
    answer = client.delete(f"/tasks/{removed}/")
    assert (answer.status_code, answer.data) == (204, b"")
    assert rows() == of_tasks(1)
    assert {path.partition("/")[0] for path in files()} == {f"task_{kept}"}
    assert client.get(f"/tasks/{kept}/").status_code == 200
    for answer in (client.get(f"/tasks/{removed}/"), client.delete(f"/tasks/{removed}/")):
        assert (answer.status_code, answer.get_json()["code"]) == (404, 404)


@pytest.mark.parametrize("task_id", ["9", "0", "x", str(2**70)])
def test_what_is_no_task_cannot_be_removed(client, make_task, rows, of_tasks, task_id):
    make_task(days=0)
    assert client.delete(f"/tasks/{task_id}/").status_code == 404
    assert rows() == of_tasks(1)


def test_a_task_that_has_not_ended_stays(client, make_task, rows, of_tasks, files):
    task_id = make_task()
    before = files()
    answer = client.delete(f"/tasks/{task_id}/")
    assert answer.status_code == 409
    error = answer.get_json()
    assert (error["code"], error["status"]) == (409, "Conflict")
    assert "Cancel it first" in error["message"]
    assert (rows(), files()) == (of_tasks(1), before)


def test_a_task_that_a_table_of_a_plugin_refers_to_stays(
    client, make_task, rows, of_tasks, files
):
    task_id = make_task(days=0)
    notes = Table(
        "Notes",
        DB.metadata,
        Column("task_id", Integer, ForeignKey(ProcessingTask.id), primary_key=True),
    )
    try:
        notes.create(DB.engine)
        DB.session.execute(notes.insert().values(task_id=task_id))
        DB.session.commit()
        before = files()
        answer = client.delete(f"/tasks/{task_id}/")
        assert answer.status_code == 409
        assert rows() == {**of_tasks(1), "Notes": 1}
        assert files() == before
        DB.session.execute(notes.delete())
        DB.session.commit()
        assert client.delete(f"/tasks/{task_id}/").status_code == 204
        assert rows() == {}
    finally:
        DB.session.rollback()
        DB.metadata.remove(notes)


def test_files_in_the_folder_of_another_task_go_with_that_one(client, make_task, files):
    first, second = make_task(days=0), make_task(days=0)
    (place,) = [file.file_storage_data for file in outputs(first)]
    copy = outputs(second)[0]
    copy.file_storage_data = place
    copy.save(commit=True)
    assert client.delete(f"/tasks/{second}/").status_code == 204
    assert place in files()
    assert client.delete(f"/tasks/{first}/").status_code == 204
    assert not [path for path in files() if path.startswith(f"task_{first}")]


def outputs(task_id):
    DB.session.rollback()
    return TaskFile.get_task_result_files(task_id)


def test_files_of_a_row_of_the_original_go_too(client, make_task, files):
    task_id = make_task(days=0)
    (file,) = outputs(task_id)
    file.file_storage_data = f"/app/instance/files/{file.file_storage_data}"
    file.save(commit=True)
    assert client.delete(f"/tasks/{task_id}/").status_code == 204
    assert files() == []


class Died(BaseException):
    """Stands for the death of the process: nothing catches it."""


def test_when_the_process_dies_before_the_commit_nothing_has_gone(
    client, make_task, rows, of_tasks, files
):
    task_id = make_task(days=0)
    before = files()

    @event.listens_for(DB.session, "before_commit", once=True)
    def die(_session):
        raise Died

    with pytest.raises(Died):
        client.delete(f"/tasks/{task_id}/")
    DB.session.rollback()
    assert (rows(), files()) == (of_tasks(1), before)


def test_when_the_process_dies_before_the_bytes_are_gone_they_go_later(
    client, make_task, rows, files, monkeypatch
):
    task_id = make_task(days=0)

    def die(_self, _info):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(type(STORE), "delete", die)
        with pytest.raises(Died):
            client.delete(f"/tasks/{task_id}/")
    assert rows() == {"RemovedFile": 2}
    assert files()
    clean_up({})
    assert (rows(), files()) == ({}, [])


def test_when_a_store_fails_its_bytes_go_later(client, make_task, rows, tmp_path, files):
    task_id = make_task(days=0)
    before = files()
    places = [file for file in before if file.endswith(".txt")]
    # The plugin that brings the store is not installed for now.
    hidden = tmp_path / "files" / places[0]
    row = DB.session.query(TaskFile).filter_by(file_storage_data=places[0]).one()
    row.storage_provider = "gone"
    row.save(commit=True)
    assert hidden.is_file()
    assert client.delete(f"/tasks/{task_id}/").status_code == 204
    assert rows() == {"RemovedFile": 1}
    assert hidden.is_file()
    clean_up({})
    assert rows() == {"RemovedFile": 1}
    note = DB.session.query(RemovedFile).one()
    note.storage_provider = "local_filesystem"
    DB.session.commit()
    clean_up({})
    assert (rows(), files()) == ({}, [])


@pytest.fixture
def careless_store():
    """A store of a plugin that knows nothing of removing files."""
    known = dict(FileStore.known)

    class Careless(FileStore, name="careless"):
        def persist_file(self, file_, target, mimetype, storage_provider=None):
            pass

    yield "careless"
    FileStore.known.clear()
    FileStore.known.update(known)


def test_a_store_that_cannot_remove_files_says_that_they_stay(
    client, make_task, rows, careless_store, caplog
):
    task_id = make_task(days=0)
    STORE.persist_task_result(
        task_id, "x", "c.txt", "type", "text/plain", storage_provider=careless_store
    )
    assert client.delete(f"/tasks/{task_id}/").status_code == 204
    assert rows() == {}
    (record,) = [each for each in caplog.records if "careless" in each.getMessage()]
    assert "stays" in record.getMessage()


def test_a_message_that_comes_after_the_removal_finds_no_task(client, make_task):
    task_id = make_task(days=0)
    client.delete(f"/tasks/{task_id}/")
    with pytest.raises(KeyError):
        life_cycle.succeed(task_id)
