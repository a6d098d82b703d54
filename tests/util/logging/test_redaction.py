"""What of a form may be logged."""

import pytest
from werkzeug.datastructures import MultiDict

from qhana_plugin_runner.util.logging import redact_log_data


def test_private_fields_are_replaced_in_a_copy():
    data = {"user": "me", "dbHost": "h"}
    assert redact_log_data(data, private_fields=["dbHost"]) == {
        "user": "me",
        "dbHost": "***",
    }
    assert redact_log_data(data, {"user"}) == {"user": "***", "dbHost": "h"}
    assert data == {"user": "me", "dbHost": "h"}


@pytest.mark.parametrize(
    "key", ["password", "dbPassword", "DB_PASSWORD", "client_secret", "ibmqToken"]
)
def test_what_speaks_of_a_secret_is_always_replaced(key):
    assert redact_log_data({key: "x", "other": "y"}) == {key: "***", "other": "y"}


def test_secrets_are_found_at_every_depth():
    data = {"login": {"password": "x"}, "all": [{"token": 1, "a": (1, {"secret": 2})}]}
    assert redact_log_data(data) == {
        "login": {"password": "***"},
        "all": [{"token": "***", "a": [1, {"secret": "***"}]}],
    }
    assert redact_log_data([{"x": 1}], ["x"]) == [{"x": "***"}]


def test_empty_secret_is_replaced_too():
    assert redact_log_data({"password": ""}) == {"password": "***"}


def test_form_is_shown_with_the_first_value_of_each_key():
    form = MultiDict([("a", "1"), ("a", "2"), ("password", "x")])
    assert redact_log_data(form) == {"a": "1", "password": "***"}


@pytest.mark.parametrize("data", ["text", None, 5, b"bytes"])
def test_other_values_come_back_unchanged(data):
    assert redact_log_data(data) is data
    assert redact_log_data(data, None) is data
