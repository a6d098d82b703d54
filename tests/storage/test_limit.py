"""The limit of what a task may store, with stores of plugins; the runner's own are in tests/security."""

import pytest
from helpers.runner import runner

from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import FileStore
from qhana_plugin_runner.storage.content import FileFacts
from qhana_plugin_runner.storage.errors import ResultsTooLarge


@pytest.mark.parametrize("is_measured", [True, False])
def test_a_store_that_keeps_what_is_too_large_removes_it(tmp_path, is_measured):
    class Memory(FileStore, name=f"memory-{is_measured}"):
        kept = {}

        def persist_file(self, file_, target, mimetype):
            self.kept[str(target)] = file_
            return FileFacts(len(file_), "0") if is_measured else None

        def delete(self, info):
            del self.kept[info.file_storage_data]

    with runner(tmp_path, TASK_MAX_RESULT_BYTES=5) as app, app.app_context():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        store = Memory(app)
        store.persist_task_result(task.id, b"123", "name", "a", "b", commit=False)
        with pytest.raises(ResultsTooLarge):
            store.persist_task_result(task.id, b"456", "name", "a", "b")
        store.persist_task_result(task.id, b"45", "name", "a", "b")
        assert sorted(store.kept.values()) == [b"123", b"45"]
        assert [file.size for file in task.outputs] == [3, 2]
