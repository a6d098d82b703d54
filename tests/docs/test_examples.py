"""The examples of how-to and reference are right."""

import json
import re
import subprocess
import sys
import tomllib

import pytest
from helpers.markdown import blocks, only_block
from helpers.product import CHECKOUT, outside_environment
from jsonschema import Draft202012Validator

from qhana_plugin_runner import create_app
from qhana_plugin_runner.api.task_list import TaskListSchema
from qhana_plugin_runner.api.task_log import LogPartSchema
from qhana_plugin_runner.api.tasks import TaskCommandSchema, TaskStatusSchema
from qhana_plugin_runner.api.uploads import UploadSchema
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE, FileStore
from qhana_plugin_runner.util.config import SETTINGS, read_settings


@pytest.mark.parametrize(
    "page",
    [
        "how-to/configure.md",
        "how-to/external-services.md",
        "how-to/s3.md",
        "how-to/clean-up.md",
        "how-to/require-tokens.md",
    ],
)
def test_the_files_of_settings_are_accepted(page, tmp_path):
    for block in blocks(page, "settings"):
        (tmp_path / "config.toml").write_text(block.text, "utf-8")
        settings = read_settings(tmp_path)
        assert set(tomllib.loads(block.text)) <= {setting.name for setting in SETTINGS}
        assert settings["CELERY"]["task_serializer"] == "json"  # merged with the defaults


@pytest.fixture
def store_app(tmp_path):
    """An app with the file store of the page."""
    known = dict(FileStore.known)
    settings = tomllib.loads(only_block("how-to/file-store.md", "store-settings").text)
    folder = tmp_path / "plugins"
    folder.mkdir()
    code = only_block("how-to/file-store.md", "store").text
    (folder / "documented_public_folder.py").write_text(code, "utf-8")
    settings |= {
        "PUBLIC_FOLDER": str(tmp_path / "public"),
        "PLUGIN_FOLDERS": [str(folder)],
    }
    app = create_app(settings, silent_log=True)
    with app.test_request_context():
        DB.create_all()
        yield app
        DB.session.remove()
        DB.engine.dispose()
    del sys.modules["documented_public_folder"]
    FileStore.known.clear()
    FileStore.known.update(known)


def test_the_file_store_of_the_page_keeps_files(store_app, tmp_path):
    task = ProcessingTask(task_name="test")
    task.save(commit=True)
    row = STORE.persist_task_result(
        task.id, "text", "a b.txt", "custom/text", "text/plain"
    )
    assert row.storage_provider == "public_folder"
    (kept,) = [path for path in (tmp_path / "public").rglob("*") if path.is_file()]
    with STORE.open(row) as file:
        assert file.read() == b"text" == kept.read_bytes()
    assert STORE.get_task_file_url(row, external=False) == kept.as_uri()
    relative = kept.relative_to(tmp_path / "public").as_posix()
    url = STORE.get_task_file_url(row)
    assert url == f"https://files.example.org/qhana/{relative}"


def test_the_file_store_of_the_page_passes_the_tests_of_the_page(tmp_path):
    page = "how-to/file-store.md"
    (tmp_path / "plugins").mkdir()
    store, tests = only_block(page, "store").text, only_block(page, "store-tests").text
    (tmp_path / "plugins" / "public_folder.py").write_text(store, "utf-8")
    (tmp_path / "test_public_folder.py").write_text(tests, "utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path,
        env=outside_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout
    assert int(re.search(r"(\d+) passed", result.stdout)[1]) > 30


def test_the_task_status_has_the_shape_that_the_schema_names():
    page = "reference/task-status.md"
    shown = json.loads(only_block(page, "task-status").text)
    schema = TaskStatusSchema()
    assert schema.validate(shown) == {}
    keys = [field.data_key for field in schema.fields.values()]
    assert list(shown) == [key for key in keys if key != "stepSchemas"]  # no step is open


def test_the_list_of_tasks_and_the_log_have_the_shapes_that_the_schemas_name():
    shown = json.loads(only_block("reference/rest-api.md", "task-list").text)
    assert TaskListSchema().validate(shown) == {}
    shown = json.loads(only_block("reference/task-status.md", "task-log").text)
    assert LogPartSchema().validate(shown) == {}


def test_the_schema_of_a_form_looks_as_shown():
    shown = json.loads(only_block("reference/rest-api.md", "form-schema").text)
    Draft202012Validator.check_schema(shown)
    client = create_app({"PLUGIN_FOLDERS": [str(CHECKOUT / "plugins")]}).test_client()
    schema = client.get("/schemas/entity-statistics@v1-0-0.ProcessView/").json
    assert shown.keys() == schema.keys()
    for key, words in shown["properties"].items():
        assert words.keys() <= schema["properties"][key].keys()


def test_the_answer_to_an_upload_has_the_shape_that_the_schema_names():
    shown = json.loads(only_block("reference/rest-api.md", "upload").text)
    assert list(shown) == [field.data_key for field in UploadSchema().fields.values()]


def test_the_command_for_a_task_is_accepted():
    shown = json.loads(only_block("reference/rest-api.md", "command").text)
    assert TaskCommandSchema().validate(shown) == {}


def test_an_error_looks_as_shown():
    shown = json.loads(only_block("reference/rest-api.md", "error").text)
    app = create_app({}, silent_log=True)
    answer = app.test_client().get("/files/1/")
    assert answer.status_code == shown["code"]
    assert set(answer.get_json()) == set(shown)
    assert answer.get_json()["status"] == shown["status"]
