"""The factory, as tests of plugins call it."""

import gc
import inspect
import threading
from unittest import mock

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging, task_success
from helpers.plugins import plugin_source
from sqlalchemy.pool import StaticPool
from werkzeug.routing import Map, Rule

from qhana_plugin_runner import create_app
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.config.celery_config import CELERY_PRODUCTION_CONFIG
from qhana_plugin_runner.util.flask_app import LazyRule, RunnerFlask

DEFAULT_TEST_CONFIG = {
    "SECRET_KEY": "test",
    "DEBUG": False,
    "TESTING": True,
    "JSON_SORT_KEYS": True,
    "JSONIFY_PRETTYPRINT_REGULAR": False,
    "DEFAULT_LOG_FORMAT_STYLE": "{",
    "DEFAULT_LOG_FORMAT": "{asctime} [{levelname:^7}] {message}",
    "DEFAULT_FILE_STORE": "local_filesystem",
    "FILE_STORE_ROOT_PATH": "files",
    "OPENAPI_VERSION": "3.0.2",
    "OPENAPI_JSON_PATH": "api-spec.json",
    "OPENAPI_URL_PREFIX": "",
    "SQLALCHEMY_DATABASE_URI": "sqlite:///:memory:",
    "SQLALCHEMY_ENGINE_OPTIONS": {
        "connect_args": {"check_same_thread": False},
        "poolclass": StaticPool,
    },
    "CELERY": {
        **CELERY_PRODUCTION_CONFIG,
        "broker_url": "memory://",
        "result_backend": "cache+memory://",
    },
}
"""The settings that test suites of plugins copy from each other."""


@pytest.fixture
def make(plugins, monkeypatch):
    """Make apps, and release their databases in the end."""
    monkeypatch.setattr(CELERY, "flask_app", None)
    apps = []

    def make(*args, **kwargs):
        apps.append(create_app(*args, **kwargs))
        with apps[-1].app_context():
            DB.create_all()
        return apps[-1]

    yield make
    for app in apps:
        with app.app_context():
            DB.session.remove()
            DB.engine.dispose()


def test_with_a_mapping_only_that_mapping_is_loaded(make, tmp_path, monkeypatch):
    instance = tmp_path / "instance"
    instance.mkdir()
    (instance / "config.json").write_text('{"FROM_FILE": 1, "SERVER_NAME": "file"}')
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", str(instance))
    monkeypatch.setenv("SERVER_NAME", "environment")
    app = make({"MINE": 2})
    assert app.config["MINE"] == 2
    assert "FROM_FILE" not in app.config
    assert app.config["SERVER_NAME"] is None
    assert app.config["DEBUG"] is False


def test_debug_defaults_come_in_when_flask_env_says_development(make, monkeypatch):
    monkeypatch.setenv("FLASK_ENV", "development")
    assert make({"PLUGIN_FOLDERS": []}).config["DEBUG"] is True


@pytest.mark.parametrize("config", [{}, {"TESTING": True}])
def test_a_minimal_mapping_will_do(make, config):
    client = make(config).test_client()
    assert client.get("/plugins/").json == {"plugins": []}
    assert client.get("/tasks/1/").status_code == 404


def test_the_arguments_may_be_given_by_position_and_by_name(make):
    make({"TESTING": True}, True)
    make(test_config={"TESTING": True}, silent_log=True)


ADDER = """\
from qhana_plugin_runner.celery import CELERY

@CELERY.task(name=f"{IDENTIFIER}.add", bind=True)
def add(self, db_id: int, a: int = 1, b: int = 2) -> str:
    return str(a + b)
"""


@pytest.fixture
def adder(plugins, make):
    """A plugin with its test app, and the module as its tests import it."""
    plugins.write("adder/__init__.py", plugin_source("adder", more=ADDER))
    plugins.write("adder/schemas.py", "class AdderSchema: pass")
    app = make({**DEFAULT_TEST_CONFIG, "PLUGIN_FOLDERS": [str(plugins.folder)]})
    with app.app_context():
        import adder

        yield adder


@pytest.fixture
def task(adder):
    task = ProcessingTask(task_name="add")
    task.save(commit=True)
    return task


def chain_of(adder, task):
    chain = adder.add.s(db_id=task.id) | save_task_result.s(db_id=task.id)
    chain.link_error(save_task_error.s(db_id=task.id))
    return chain


def test_tests_of_a_plugin_import_its_package_absolutely(adder):
    from adder.schemas import AdderSchema

    assert AdderSchema.__module__ == "adder.schemas"


def test_tests_of_a_plugin_call_tasks_directly(adder, task):
    assert adder.add(db_id=task.id, a=3) == "5"


def test_tests_of_a_plugin_run_tasks_eagerly(adder, task):
    result = adder.add.s(db_id=task.id).apply()
    assert result.get() == "3"
    chain_of(adder, task).apply()
    assert (task.is_ok, task.task_log) == (True, "3")


def test_tests_of_a_plugin_start_a_worker_in_memory(adder, task):
    def leave_logging(**_kwargs):
        """Keep the logging of the tests."""

    ended = threading.Event()

    def end(**_details):
        ended.set()

    setup_logging.connect(leave_logging)
    task_success.connect(end, sender=save_task_result)
    try:
        with start_worker(CELERY, pool="solo", perform_ping_check=False):
            chain_of(adder, task).apply_async()
            # The database is one connection: the worker's, until it is done.
            assert ended.wait(60)
    finally:
        setup_logging.disconnect(leave_logging)
        task_success.disconnect(end, sender=save_task_result)
    DB.session.rollback()
    assert (task.is_ok, task.task_log) == (True, "3")


def test_nothing_starts_in_the_background(make):
    threads = threading.enumerate()
    client = make(DEFAULT_TEST_CONFIG).test_client()
    client.get("/plugins/")
    assert threading.enumerate() == threads


def test_the_production_config_of_celery_is_importable_and_a_mapping():
    assert {**CELERY_PRODUCTION_CONFIG}["broker_url"].startswith("redis://")


def test_flask_adapts_coroutine_functions_and_no_others():
    class App(RunnerFlask):
        def async_to_sync(self, func):
            return [func]

    def plain():
        return "plain"

    async def coroutine():
        return "coroutine"

    app = App("app")
    assert app.ensure_sync(plain) is plain
    assert app.ensure_sync(coroutine) == [coroutine]
    if mark := getattr(inspect, "markcoroutinefunction", None):  # since Python 3.12
        assert app.ensure_sync(mark(plain)) == [plain]


def test_urls_are_built_by_code_that_is_compiled_when_the_first_one_is():
    """Werkzeug's method is not public: the upper bound in pyproject.toml is about it."""
    rule = LazyRule("/tasks/<int:task>/", endpoint="task")
    with mock.patch.object(Rule, "_compile_builder", autospec=True) as compiler:
        compiler.side_effect = lambda *_arguments: lambda _rule, **values: values
        Map([rule])
        assert not compiler.called
        assert rule.build({"task": 7}) == rule.build({"task": 7})
        assert compiler.call_count == 1


def test_what_the_first_app_brings_is_never_looked_at_for_garbage(app):
    frozen = gc.get_freeze_count()
    assert gc.isenabled() and frozen > 10_000
    create_app(DEFAULT_TEST_CONFIG, silent_log=True)
    assert gc.isenabled() and gc.get_freeze_count() <= frozen  # the next apps may go
