"""Attacks that look for secrets, and secrets that can be guessed."""

import io
import json
import logging
import time

import pytest
from celery.backends.base import Backend
from celery.exceptions import SecurityError
from helpers.runner import runner

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.util.config import SETTINGS, ConfigError, read_settings
from qhana_plugin_runner.util.config.checks import (
    as_database_url,
    as_secret,
    as_tokens,
    as_webhook_secrets,
)
from qhana_plugin_runner.util.logging import SafeFormatter
from qhana_plugin_runner.util.redaction import redact_text

WEAK = [
    "dev",
    "change-me",
    "debug_secret",
    "fifteen letters",
    "change-me-please-change-me",
    "Secret_Key_Secret_Key_123",
    "abababababababababab",
]


@pytest.mark.parametrize("key", WEAK)
def test_forged_token_by_guessed_key(tmp_path, monkeypatch, key):
    """A key from an example lets anybody make tokens (CVE-2023-27524 of Superset)."""
    monkeypatch.setenv("QHANA_SECRET_KEY", key)
    with pytest.raises(ConfigError, match="SECRET_KEY .*token_hex") as error:
        read_settings(tmp_path)
    assert key not in str(error.value)
    assert read_settings(tmp_path, debug=True)["SECRET_KEY"] == key


@pytest.mark.parametrize("key", ["k3v8-xw0q-z7ld-29", "thequickbrownfoxjumps", "0f" * 8])
def test_keys_of_deployments_go_on_if_nobody_can_guess_them(tmp_path, monkeypatch, key):
    monkeypatch.setenv("QHANA_SECRET_KEY", key)
    if len(set(key)) < 6:
        with pytest.raises(ConfigError):
            read_settings(tmp_path)
    else:
        assert read_settings(tmp_path)["SECRET_KEY"] == key


def test_secret_in_message_of_wrong_setting():
    """CVE-2024-45784 of Airflow: secrets of the configuration in logs."""
    kinds = (as_secret, as_database_url, as_tokens, as_webhook_secrets)
    for setting in SETTINGS:
        if setting.convert in kinds or setting.name.endswith(("_SECRET", "_PASSWORD")):
            assert setting.secret, setting.name
    assert [s.name for s in SETTINGS if s.secret]


TEXTS = [
    '{"dbPassword": "hunter2", "n": 5}',
    '{"dbPassword": "hunter2 and so on, cut of',
    '{"a": {"client_secret": "hunter2"}}',
    '"{\\"password\\": \\"hunter2 with spaces\\"}"',
    "{'ibmqToken': 'hunter2, with a comma', 'n': 5}",
    "user=me&password=hunter2&n=5",
    "Authorization: Bearer hunter2",
    "password=(hunter2{hunter2",
    "https://host/?apikey=hunter2&n=5",
    "X-API-Key: hunter2",
    "https://host/a?X-Amz-Signature=hunter2&n=5",
    "cannot connect to redis://:hunter2@broker:6379/0",
    "cannot connect to postgresql://me:hunter2@db/runner",
]


@pytest.mark.parametrize("text", TEXTS)
def test_secret_unmasked_after_truncation(text):
    """CVE-2025-68438 of Airflow: cut, nested or encoded text that no parser reads is not masked."""
    assert "hunter2" in text
    for end in range(text.index("hunter2") + 7, len(text) + 1):
        assert "hunter2" not in redact_text(text[:end])
        assert "with" not in redact_text(text[:end])


def test_masked_json_is_json():
    for value in ("hunter2", 'hunter"2', 5, {"token": 5, "n": [1]}):
        inner = json.dumps({"password": value, "n": 5})
        for text in (inner, json.dumps({"message": inner, "level": "INFO"})):
            masked = json.loads(redact_text(text))
            assert masked.get("n", 5) == 5 and "hunter" not in str(masked)


def test_other_text_is_not_masked():
    for text in (
        "the token has expired",
        "tasks: 5, n=7",
        "http://host:80/a@b",
        "a: b",
        "max_tokens=5, tokens: ['a', 'b'], tokenizer = 'bert'",
    ):
        assert redact_text(text) == text


def test_lines_after_one_with_a_secret_are_not_masked():
    """The first apostrophe of a console must not hide all up to the second one."""
    text = "bad token: 'abc\nline 2\nit's fine\npassword:\nnext"
    assert redact_text(text) == "bad token: '***'\nline 2\nit's fine\npassword:\nnext"


def test_masking_long_text_takes_no_long_time():
    """ReDoS (ASVS 1.3.12): a megabyte of each kind is masked in time that grows like its length."""
    for text in (
        'token="' + "\\" * 10**6,
        "a" * 10**6,
        "token" * 200_000,
        "token." * 200_000,
        "://" * 300_000,
    ):
        start = time.process_time()
        redact_text(text)
        assert time.process_time() - start < 20  # quadratic: hours


def formatted(message, *args, **options):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter(logging.Formatter("%(levelname)s %(message)s")))
    handler.handle(
        logging.getLogger("test").makeRecord(
            "test", logging.INFO, "", 0, message, args, options.get("exc_info")
        )
    )
    return stream.getvalue()


def test_secret_in_arguments_that_celery_logs():
    """CVE-2023-40712 of Airflow. At DEBUG, Celery logs the arguments of each task."""
    line = formatted(
        "TaskPool: Apply %s (kwargs:%s)", "x", {"password": "hunter2", "n": 5}
    )
    assert "hunter2" not in line and "'n': 5" in line


def test_secret_in_arguments_that_events_show():
    """What monitors such as Flower show of messages; the worker still gets the value."""
    nested = {"db_id": 5, "options": [{"dbPassword": "hunter2"}]}
    for own in ({}, {"kwargsrepr": "password='hunter2'"}):
        message = CELERY.amqp.as_task_v2(
            "id", "name", ("token=hunter2",), nested, create_sent_event=True, **own
        )
        shown = str(message.headers) + str(message.sent_event)
        assert "hunter2" not in shown and "***" in shown
        assert message.body[:2] == (("token=hunter2",), nested)
        assert message.headers["argsrepr"] == message.sent_event["args"]
    plain = CELERY.amqp.as_task_v2("id", "name", (), {"db_id": 5})
    assert plain.headers["kwargsrepr"] == "{'db_id': 5}"


def test_cookies_and_headers_in_the_log_of_a_server_error(tmp_path, caplog):
    """CVE-2022-24757 of Jupyter Server: what a request carried was logged with its error."""
    secrets = ("cookie-of-mine", "bearer-of-mine", "query-of-mine", "field-of-mine")
    with runner(tmp_path, PROPAGATE_EXCEPTIONS=False) as app:

        @app.post("/fails/")
        def fails():
            raise LookupError("the reason")

        client = app.test_client()
        client.set_cookie("qhana_token", secrets[0])
        answer = client.post(
            f"/fails/?token={secrets[2]}",
            data={"password": secrets[3]},
            headers={"Authorization": f"Bearer {secrets[1]}"},
        )
    assert answer.status_code == 500
    assert "the reason" in caplog.text
    for secret in secrets:
        assert secret not in caplog.text and secret not in answer.text


def test_forged_log_line():
    """CVE-2021-42250 of Superset: a line break in what is logged begins a line of its own."""
    line = formatted("no plugin %s", "x\nINFO all is well\x1b[2K\r\u2028INFO again\u202e")
    assert line.splitlines() == [
        "INFO no plugin x\\nINFO all is well\\x1b[2K\\r\\u2028INFO again\\u202e"
    ]


def test_forged_log_line_in_traceback():
    try:
        raise ValueError("a\nINFO all is well\npassword=hunter2")
    except ValueError as error:
        text = formatted("failed", exc_info=(type(error), error, error.__traceback__))
    first, *more = text.splitlines()
    assert first == "INFO failed" and len(more) > 3
    assert all(line.startswith("    ") for line in more)
    assert "hunter2" not in text


def test_result_that_names_a_function_as_exception(tmp_path):
    """CVE-2021-23727 of Celery: who writes to the result backend may not call what is no exception."""
    assert CELERY.conf.result_serializer == "json"
    assert list(CELERY.conf.accept_content) == ["json"]
    made = tmp_path / "made"
    backend = Backend(app=CELERY, url="")
    forged = {"exc_module": "os", "exc_type": "mkdir", "exc_message": [str(made)]}
    with pytest.raises(SecurityError):
        backend.exception_to_python(forged)
    assert not made.exists()
