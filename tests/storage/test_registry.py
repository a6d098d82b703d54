"""Choosing a store, stores that plugins bring, and the store that keeps URLs."""

import pytest
from helpers.runner import runner

from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.errors import RunnerError
from qhana_plugin_runner.storage import (
    STORE,
    FileStore,
    LocalFileStore,
    StorageError,
    UnknownFileStore,
    UrlFileStore,
)
from qhana_plugin_runner.tasking import life_cycle
from qhana_plugin_runner.web.workbench.preview import preview_of

KEPT = {}


class PluginStore(FileStore, name="plugin-store"):
    """A store as plugins write them: nothing is returned from ``persist_file``."""

    def __init__(self, app=None):
        super().__init__(app=app)
        self.bucket = app.config["PLUGIN_STORE_BUCKET"]

    def persist_file(self, file_, target, mimetype):
        KEPT[self._get_file_identifier(target)] = (file_, mimetype)

    def _get_file_identifier(self, target):
        return f"{self.bucket}:{target}"

    def get_file_url(self, file_storage_data, external=True):
        return f"https://store.example/{file_storage_data}?external={external}"


class NeedyStore(PluginStore, name="needy-store"):
    """A store that refuses to be set up with an error of its own."""

    def __init__(self, app=None):
        FileStore.__init__(self, app=app)

    def init_app(self, app):
        super().init_app(app)
        if not app.config.get("PLUGIN_STORE_BUCKET"):
            raise ValueError("No configuration for the needy store found.")


@pytest.fixture
def app(tmp_path):
    with runner(tmp_path, PLUGIN_STORE_BUCKET="bucket") as app:
        yield app


def test_stores_are_found_by_name(app, context):
    assert isinstance(STORE["local_filesystem"], LocalFileStore)
    assert isinstance(STORE["url_file_store"], UrlFileStore)
    assert isinstance(STORE["plugin-store"], PluginStore)
    assert STORE["plugin-store"] is STORE["plugin-store"]
    assert STORE["plugin-store"].app is app


def test_each_app_has_stores_of_its_own(app, tmp_path):
    with runner(tmp_path / "other", tables=False, PLUGIN_STORE_BUCKET="2") as other:
        with app.app_context():
            first = STORE["plugin-store"]
        with other.app_context():
            assert STORE["plugin-store"] is not first
            assert STORE["plugin-store"].bucket == "2"


def test_a_store_that_is_unknown_is_named_with_those_there_are(task):
    with pytest.raises(
        UnknownFileStore, match="'none'.*local_filesystem.*DEFAULT_FILE_STORE"
    ):
        STORE.persist_task_result(
            task.id, "x", "name", "type", "text/plain", storage_provider="none"
        )
    with pytest.raises(KeyError):
        STORE["none"]
    assert issubclass(UnknownFileStore, RunnerError)


def test_the_default_store_is_a_setting(tmp_path):
    settings = {"DEFAULT_FILE_STORE": "plugin-store", "PLUGIN_STORE_BUCKET": "b"}
    with runner(tmp_path, **settings) as app, app.app_context():
        ProcessingTask("a-task").save(commit=True)
        result = STORE.persist_task_result(1, "x", "name", "type", "text/plain")
        assert result.storage_provider == "plugin-store"
        temporary = STORE.persist_task_temp_file(
            1, "x", "name", storage_provider="local_filesystem"
        )
        assert temporary.storage_provider == "local_filesystem"


def test_a_store_of_a_plugin_keeps_results_under_identifiers_of_its_own(task):
    info = STORE.persist_task_result(
        task.id, b"x", "na me.txt", "type", "text/plain", storage_provider="plugin-store"
    )
    assert info.file_storage_data.startswith(f"bucket:task_{task.id}/out/")
    assert info.file_storage_data.endswith("/na_me.txt")
    assert KEPT[info.file_storage_data] == (b"x", "text/plain")
    assert STORE.get_task_file_url(info, external=False) == (
        f"https://store.example/{info.file_storage_data}?external=False"
    )
    url = STORE.get_file_url("data", storage_provider="plugin-store")
    assert url == "https://store.example/data?external=True"


def test_a_result_in_a_store_of_a_plugin_is_linked_from_the_task(app, task, client):
    STORE.persist_task_result(
        task.id, b"x", "name", "type", "text/plain", storage_provider="plugin-store"
    )
    end(task)
    (output,) = client.get(f"/tasks/{task.id}/").get_json()["outputs"]
    assert output["href"].startswith("https://store.example/bucket:")


def test_a_store_that_is_gone_does_not_hide_the_task(task, client):
    TaskFile(task, "tag", "gone", "name", "data", "type", "text/plain").save(commit=True)
    end(task)
    status = client.get(f"/tasks/{task.id}/").get_json()
    assert status["status"] == "SUCCESS"
    answer = client.get(status["outputs"][0]["href"])
    assert answer.status_code == 404
    assert "store" in answer.get_json()["message"]


@pytest.mark.parametrize(
    "store, cause",
    [("plugin-store", "KeyError"), ("needy-store", "ValueError: No configuration")],
)
def test_a_store_that_cannot_be_set_up_does_not_hide_the_task(
    app, task, client, caplog, store, cause
):
    del app.config["PLUGIN_STORE_BUCKET"]
    file = TaskFile(task, "tag", store, "name", "data", "type", "text/plain")
    file.save(commit=True)
    end(task)
    with pytest.raises(StorageError, match=rf"'{store}' cannot be set up \({cause}"):
        STORE.open(file)
    status = client.get(f"/tasks/{task.id}/").get_json()
    assert status["status"] == "SUCCESS"
    assert client.get(status["outputs"][0]["href"]).status_code == 503
    answer = client.get(f"/workbench/tasks/{task.id}/outputs.zip")
    assert (answer.status_code, "name" in answer.text) == (404, True)
    assert preview_of(file).problem
    (record,) = [each for each in caplog.records if store in each.getMessage()]
    assert cause.partition(":")[0] in record.exc_text

    app.config["PLUGIN_STORE_BUCKET"] = "bucket"
    assert STORE[store].app is app


def end(task):
    life_cycle.succeed(task.id)


def test_the_url_store_keeps_the_url_and_opens_what_is_there(task, client, site):
    url = site.put("/data.csv", b"ID,href\n", Content_Type="text/csv")
    info = STORE.persist_task_result(
        task.id,
        url,
        "data.csv",
        "entity/list",
        "text/csv",
        storage_provider="url_file_store",
    )
    assert info.file_storage_data == url
    assert STORE.get_task_file_url(info) == url
    with STORE.open(info) as file:
        assert file.read() == b"ID,href\n"
    end(task)
    (output,) = client.get(f"/tasks/{task.id}/").get_json()["outputs"]
    assert output == {
        "href": url,
        "dataType": "entity/list",
        "contentType": "text/csv",
        "name": "data.csv",
    }
    answer = client.get(f"/files/{info.id}/?file-id={info.security_tag}")
    assert answer.status_code == 404


def test_the_url_store_opens_data_urls(task):
    info = STORE.persist_task_result(
        task.id, "data:,abc", "x", "t", "text/plain", storage_provider="url_file_store"
    )
    with STORE.open(info) as file:
        assert file.read() == b"abc"


@pytest.mark.parametrize("given", [b"http://host/", "no url", 5])
def test_the_url_store_keeps_urls_only(task, given):
    with pytest.raises(StorageError, match="keeps URLs"):
        STORE.persist_task_result(
            task.id, given, "x", "t", "text/plain", storage_provider="url_file_store"
        )
