"""Log lines as JSON: one object a line, whatever is logged."""

import json
import logging
import sys
import threading
from datetime import datetime

import pytest

from qhana_plugin_runner.util.config.settings import defaults
from qhana_plugin_runner.util.current_message import CurrentMessage, working_on
from qhana_plugin_runner.util.json_lines import as_record, json_line
from qhana_plugin_runner.util.logging import JSONFormatter, configure_logging

pytestmark = pytest.mark.usefixtures("logging_restored", "hooks_restored")


@pytest.fixture
def hooks_restored():
    hooks = sys.excepthook, threading.excepthook
    yield
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


def refuse(constant):
    raise ValueError(constant)


def configure():
    configure_logging({**defaults(), "DEFAULT_LOG_FORMAT_STYLE": "json"})


@pytest.fixture
def written(capsys):
    """Return what is logged in a call, as records."""

    def written(log):
        configure()
        log(logging.getLogger("some.where"))
        text = capsys.readouterr().err
        assert text.endswith("\n")
        # As readers of lines do it: at all that Unicode takes for the end of a line.
        lines = text.splitlines()
        assert lines == text[:-1].split("\n")
        return [json.loads(line, parse_constant=refuse) for line in lines]

    return written


def test_a_record_has_the_usual_fields_and_those_of_the_work(written):
    message = CurrentMessage("p@v1.work", 7, request_id="abc")
    with working_on(message):
        (record,) = written(lambda log: log.info("grün %d", 5, extra={"rows": 3}))
    assert datetime.fromisoformat(record.pop("timestamp")).utcoffset().seconds == 0
    assert record.pop("process") > 0
    assert record == {
        "level": "INFO",
        "logger": "some.where",
        "message": "grün 5",
        "request_id": "abc",
        "task_id": 7,
        "plugin": "p@v1",
        "rows": 3,
    }


def test_what_there_is_not_has_no_field(written):
    (record,) = written(lambda log: log.info("x"))
    assert list(record) == ["timestamp", "level", "logger", "message", "process"]
    assert record["timestamp"][-5] == "." and record["timestamp"][-1] == "Z"


def test_letters_stay_readable(capsys):
    configure()
    logging.getLogger("x").warning("grün 漢字 😀")
    assert "grün 漢字 😀" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "a\nb",
        '"}\n{"level": "forged"}',
        "\x00\x1b[2J\x7f\x85\x9b",
        "\u2028\u202e",
        "\ud800",
    ],
)
def test_nothing_in_a_message_a_field_or_an_error_forges_a_line(written, text):
    def log(logger):
        try:
            raise ValueError(text)
        except ValueError:
            logger.exception("%s", text, extra={"field": text, text: {text: [text]}})

    (record,) = written(log)
    assert record["message"] == text == record["field"]
    assert record[text] == {text: [text]}
    assert record["exception"].startswith("Traceback (most recent call last):\n")
    assert f"ValueError: {text}" in record["exception"]


def test_secrets_are_masked_wherever_they_are(written):
    def log(logger):
        try:
            raise ValueError("redis://:hunter2@host/0")
        except ValueError:
            extra = {
                "password": "hunter2",
                "data": {"apiKey": "hunter2", "n": [1.5, None]},
            }
            extra["url"] = "redis://:hunter2@host/0"
            extra["other"] = {1: object(), "x": ({"token": 5},)}
            logger.exception("the password: hunter2", extra=extra, stack_info=True)
            logger.info("enter a password: ")

    first, second = written(log)
    assert "hunter2" not in json.dumps(first)
    assert first["data"] == {"apiKey": "***", "n": [1.5, None]}
    assert first["password"] == "***" == first["other"]["x"][0]["token"]
    assert second["message"] == "enter a password: "


class Broken:
    def __repr__(self):
        raise RuntimeError("no")


def endless():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ({1, 2}, "{1, 2}"),
        (b"\xff", "b'\\xff'"),
        (2**70, str(2**70)),
        (Broken(), "<Broken without repr>"),
        (10**5000, "<int without repr>"),
    ],
    ids=["nan", "infinity", "set", "bytes", "2**70", "no repr", "10**5000"],
)
def test_what_json_does_not_know_is_shown_as_python_does(written, value, shown):
    (record,) = written(lambda log: log.info("x", extra={"value": value}))
    assert record["value"] == shown


def test_a_call_that_is_wrong_is_logged_nevertheless(written):
    def log(logger):
        logger.info("%d rows", "no")
        logger.info("%s", Broken())
        logger.info("x", extra={"value": endless()})
        logger.info("x", extra={"level": "forged", "service": "forged", "timestamp": 5})

    first, second, third, fourth = written(log)
    assert first["message"] == "'%d rows' % ('no',)"
    assert second["message"] == "'%s' % <tuple without repr>"
    assert isinstance(third["value"], list)
    assert (fourth["level"], fourth["level_"], fourth["service_"]) == (
        "INFO",
        "forged",
        "forged",
    )


@pytest.mark.parametrize("name", ["task_id", "plugin", "request_id", "context"])
def test_a_field_with_the_name_of_the_context_is_kept_beside_it(written, name):
    with working_on(CurrentMessage("p@v1.work", 7, request_id="abc")):
        (record,) = written(lambda log: log.info("x", extra={name: "mine", "rows": ()}))
    shown = {each: record[each] for each in ("task_id", "plugin", "request_id")}
    assert shown == {"task_id": 7, "plugin": "p@v1", "request_id": "abc"}
    assert (record[f"{name}_"], record["rows"]) == ("mine", [])


def test_a_handler_that_comes_later_names_the_context(written, capsys):
    def log(logger):
        handler = logging.StreamHandler()
        handler.setFormatter(JSONFormatter())
        logger.addHandler(handler)
        try:
            with working_on(CurrentMessage(task_id=7)):
                logger.info("x", extra={"task_id": "mine"})
        finally:
            logger.removeHandler(handler)

    first, second = written(log)
    assert first == second and (first["task_id"], first["task_id_"]) == (7, "mine")


def test_what_celery_gives_twice_is_written_once(written):
    given = {"name": "work"}
    (record,) = written(lambda log: log.info("%(name)s", given, extra={"data": given}))
    assert record["message"] == "work" and "data" not in record


def test_what_nobody_catches_and_warnings_are_lines_too(written):
    def log(_logger):
        thread = threading.Thread(target=lambda: 1 / 0, name="mine")
        thread.start()
        thread.join()
        sys.excepthook(ValueError, ValueError("no"), None)

    first, second = written(log)
    assert first["thread"] == "mine" and "ZeroDivisionError" in first["exception"]
    assert second["exception"] == "ValueError: no"


def test_only_objects_that_are_records_are_taken_for_such():
    line = json_line({"timestamp": "now", "message": "x"})
    assert as_record(line) == {"timestamp": "now", "message": "x"}
    bad = [
        '{"a": 1}',
        line[:-1],
        '{"timestamp": NaN}',
        '{"timestamp": [1e999]}',
        '{"timestamp"' + ":[" * 9**5,
        "",
        "null",
    ]
    assert [as_record(text) for text in bad] == [None] * len(bad)
