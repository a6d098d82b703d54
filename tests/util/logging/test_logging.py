"""What log records carry, and how logging is configured."""

import io
import json
import logging

import pytest
from flask import Flask
from helpers.plugins import plugin_source

from qhana_plugin_runner import create_app
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.util.config import SETTINGS, ConfigError
from qhana_plugin_runner.util.config.settings import defaults
from qhana_plugin_runner.util.current_message import CurrentMessage, working_on
from qhana_plugin_runner.util.logging import (
    ContextFilter,
    configure_logging,
    get_logger,
)

pytestmark = pytest.mark.usefixtures("logging_restored")

LINE = "{levelname}|{task_id}|{plugin}|{context}|{message}"


def configured(**settings):
    configure_logging({**defaults(), **settings})


class Written(io.StringIO):
    """The stream of a handler that a configuration names by its path."""

    current = None


def handler_config(**logger):
    """A configuration with one handler, attached to a logger."""
    Written.current = Written()
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": LINE, "style": "{"}},
        "handlers": {
            "memory": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": Written.current,
            }
        },
        **logger,
    }
    return config


ROOT = {"root": {"level": "INFO", "handlers": ["memory"]}}
OWN = {"loggers": {"own": {"level": "INFO", "handlers": ["memory"], "propagate": False}}}


def at(name, task_id=None):
    """Make a message of a Celery task the current one."""
    return working_on(CurrentMessage(name, task_id))


def lines():
    return Written.current.getvalue().splitlines()


@pytest.mark.parametrize("where", [ROOT, OWN], ids=["root", "own"])
def test_log_config_may_use_task_and_plugin_in_any_handler(where):
    configured(LOG_CONFIG=handler_config(**where))
    logging.getLogger("own.child").info("outside")
    with at("hello-world@v1-0-0.hello_task", 5):
        logging.getLogger("own.child").info("inside")
    logging.getLogger("own.child").warning("after")
    assert lines() == [
        "INFO||||outside",
        "INFO|5|hello-world@v1-0-0| [task 5 hello-world@v1-0-0]|inside",
        "WARNING||||after",
    ]


def test_log_config_may_be_json_text(tmp_path):
    file = tmp_path / "log"
    config = handler_config(**ROOT)
    config["handlers"]["memory"] = {
        "class": "logging.FileHandler",
        "formatter": "line",
        "filename": str(file),
    }
    (setting,) = [each for each in SETTINGS if each.name == "LOG_CONFIG"]
    configured(LOG_CONFIG=setting.check(json.dumps(config), "test"))
    logging.getLogger("x").info("hello")
    (handler,) = logging.getLogger().handlers
    handler.close()
    assert file.read_text() == "INFO||||hello\n"


def test_default_line_names_severity_logger_context_and_message(capsys):
    configured(DEFAULT_LOG_SEVERITY="INFO", DEFAULT_LOG_DATE_FORMAT="now")
    with at("p@v1.work", 7):
        logging.getLogger("some.where").info("hello")
    logging.getLogger("some.where").debug("quiet")
    assert capsys.readouterr().err == "now INFO    some.where [task 7 p@v1] hello\n"


@pytest.mark.parametrize("args", [("no",), (1, "password: hunter2")])
def test_a_call_that_is_wrong_is_logged_without_its_secrets(capsys, args):
    configured(DEFAULT_LOG_SEVERITY="INFO", DEFAULT_LOG_DATE_FORMAT="now")
    logging.getLogger("x").info("%d rows", *args)
    line = capsys.readouterr().err
    assert line.startswith("now INFO    x '%d rows' % (") and line.count("\n") == 1
    assert "hunter2" not in line


def test_default_line_may_be_changed(capsys):
    configured(
        DEFAULT_LOG_SEVERITY=10,
        DEFAULT_LOG_FORMAT="%(name)s-%(plugin)s-%(message)s",
        DEFAULT_LOG_FORMAT_STYLE="%",
    )
    logging.getLogger("a").debug("b")
    assert capsys.readouterr().err == "a--b\n"


@pytest.mark.parametrize(
    "settings",
    [
        {"LOG_CONFIG": {"version": 2}},
        {"LOG_CONFIG": {}},
        {"LOG_CONFIG": {"version": 1, "root": {"handlers": ["none"]}}},
        {"LOG_CONFIG": {"version": 1, "handlers": {"a": {"class": "no.such.Class"}}}},
        {"LOG_CONFIG": {"version": 1, "root": {"level": "LOUD"}}},
        {"DEFAULT_LOG_FORMAT": "%(message)s"},
        {"DEFAULT_LOG_FORMAT": "{nonsense"},
    ],
)
def test_configuration_that_cannot_be_used_is_named_in_one_line(settings):
    with pytest.raises(ConfigError, match="LOG_CONFIG, or DEFAULT_LOG_FORMAT") as error:
        configured(**settings)
    assert "\n" not in str(error.value)


def test_configuring_twice_filters_once():
    for _ in range(2):
        configured()
    (handler,) = logging.getLogger().handlers
    assert [type(each) for each in handler.filters] == [ContextFilter]


def test_field_that_a_plugin_adds_itself_does_no_harm():
    configured(LOG_CONFIG=handler_config(**ROOT))
    logging.getLogger("own").info("hello", extra={"plugin": "mine", "task_id": 3})
    assert lines() == ["INFO||||hello"]


def test_the_current_message_is_left_with_the_task_also_when_it_fails():
    configured(LOG_CONFIG=handler_config(**ROOT))
    with pytest.raises(RuntimeError), at("outer@v1.work", 1):
        with at("celery.backend_cleanup"):
            logging.getLogger("own").info("inner")
        logging.getLogger("own").info("outer")
        raise RuntimeError
    logging.getLogger("own").info("end")
    assert [line.split("|")[1:3] for line in lines()] == [
        ["", ""],
        ["1", "outer@v1"],
        ["", ""],
    ]


def test_records_of_a_task_name_its_row_and_plugin():
    configured(LOG_CONFIG=handler_config(**ROOT))

    @CELERY.task(name="p@v1.work", bind=True, lazy=False, shared=False)
    def work(self, db_id):
        logging.getLogger("own").info("working")

    try:
        with Flask("x").app_context():
            work(db_id=12)
    finally:
        CELERY._tasks.unregister("p@v1.work")
    assert lines() == ["INFO|12|p@v1| [task 12 p@v1]|working"]


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_records_of_a_request_name_the_plugin_of_the_view(plugins, prefix):
    more = """
    import logging

    @BLP.route("/ui/")
    def ui():
        logging.getLogger("own").info("view")
        return ""
    """
    plugins.write("hello.py", plugin_source("hello world", more=more))
    client = plugins.client(OPENAPI_URL_PREFIX=prefix)
    configured(LOG_CONFIG=handler_config(**ROOT))
    client.application.add_url_rule(
        "/plugins/<name>/more/",
        "more",
        lambda name: logging.getLogger("own").info("") or "",
    )
    for path in (f"{prefix}/plugins/hello world@v1-0-0/ui/", "/plugins/hello/more/"):
        assert client.get(path).status_code == 200
    named = [line.split("|")[2] for line in lines()]
    assert named == ["hello world@v1-0-0", ""]


def test_path_of_a_request_cannot_forge_a_line():
    configured(LOG_CONFIG=handler_config(**ROOT))
    app = Flask("x")

    @app.errorhandler(404)
    def missing(error):
        logging.getLogger("own").info("missing")
        return "", 404

    @app.route("/plugins/<rest>/")
    def view(rest):
        logging.getLogger("own").info("view")
        return ""

    client = app.test_client()
    assert client.get("/plugins/a%0AERROR|||forged/").status_code == 200
    assert client.get("/other/a%0AERROR|||forged/").status_code == 404
    assert lines() == ["INFO||||view", "INFO||||missing"]


def test_app_with_a_mapping_or_silent_log_leaves_logging_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", str(tmp_path))
    monkeypatch.setenv("PLUGIN_FOLDERS", str(tmp_path))
    before = list(logging.getLogger().handlers)
    create_app({"LOG_CONFIG": handler_config(**ROOT)})
    create_app(None, silent_log=True)
    assert logging.getLogger().handlers == before
    (tmp_path / "config.toml").write_text('DEFAULT_LOG_SEVERITY = "ERROR"\n')
    create_app()
    assert logging.getLogger().handlers != before
    assert logging.getLogger().level == logging.ERROR


def test_get_logger_names_a_logger_below_that_of_the_app():
    app = Flask("some_app")
    assert get_logger(app, "storage") is logging.getLogger("some_app.storage")
