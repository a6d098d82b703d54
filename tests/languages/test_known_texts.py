"""What libraries say about wrong entries is recognised and translated."""

import inspect

import marshmallow as ma
import pytest
from werkzeug import exceptions

from qhana_plugin_runner import create_app
from qhana_plugin_runner.api.extra_fields import CSVList, EnumField
from qhana_plugin_runner.celery import BrokerUnavailable
from qhana_plugin_runner.util.library_texts import translate_known, translate_messages

WHEN_DUMPED = "format"
"""The key of messages for values that cannot be written; no form shows them."""


@pytest.fixture(scope="module")
def app():
    return create_app({"TESTING": True}, silent_log=True)


@pytest.fixture
def german(app):
    with app.test_request_context("/?lang=de"):
        yield


def texts_of_fields():
    fields = [each for _, each in inspect.getmembers(ma.fields, inspect.isclass)]
    for field in [*fields, CSVList, EnumField]:
        for key, text in getattr(field, "default_error_messages", {}).items():
            if key != WHEN_DUMPED:
                for kind in ("datetime", "time", "date"):
                    yield text.format(obj_type=kind, awareness="naive", choices="a, b")
    yield from ma.Schema._default_error_messages.values()


def texts_of_validators():
    validate = ma.validate
    for validator, value in [
        (validate.Range(min=1), 0),
        (validate.Range(max=1), 2),
        (validate.Range(min=1, max=2), 0),
        (validate.Range(min=1, min_inclusive=False), 0),
        (validate.Range(max=1, max_inclusive=False), 2),
        (validate.Range(min=1, max=3, max_inclusive=False), 4),
        (validate.Range(min=1, max=3, min_inclusive=False), 4),
        (validate.Range(1, 3, min_inclusive=False, max_inclusive=False), 4),
        (validate.Length(min=2), "a"),
        (validate.Length(max=2), "abc"),
        (validate.Length(min=2, max=3), "a"),
        (validate.Length(equal=2), "a"),
        (validate.Equal("{x}"), "a"),
        (validate.Regexp("a"), "b"),
        (validate.Predicate("isdigit"), "b"),
        (validate.NoneOf(["a"]), "a"),
        (validate.OneOf(["a\nb", "%s"]), "x"),
        (validate.ContainsOnly(["a"]), ["b"]),
        (validate.ContainsNoneOf(["a"]), ["a"]),
        (validate.URL(), "x"),
        (validate.Email(), "x"),
    ]:
        with pytest.raises(ma.ValidationError) as error:
            validator(value)
        yield error.value.messages[0]


def is_possible(text):
    """Whether a message can be met: dates know no time zones, aware ones are below."""
    return text not in ("Not a valid naive time.", "Not a valid naive date.")


@pytest.mark.parametrize("text", sorted(filter(is_possible, set(texts_of_fields()))))
def test_the_messages_of_fields_are_translated(german, text):
    assert translate_known(text) != text


@pytest.mark.parametrize("text", sorted(set(texts_of_validators())))
def test_the_messages_of_validators_are_translated(german, text):
    assert translate_known(text) != text


@pytest.mark.parametrize("code", [400, 404, 405, 413, 415, 416, 500])
def test_what_werkzeug_says_about_errors_is_translated(german, code):
    text = exceptions.default_exceptions[code].description
    assert translate_known(text) != text


def test_a_broker_that_is_away_is_told_in_german(german):
    text = str(BrokerUnavailable(ConnectionError("refused")))
    assert "nicht erreichbar (refused)" in translate_known(text)


def test_values_in_messages_are_kept_as_they_are(german):
    assert translate_known("Must be one of: {a}, %s, b.") == (
        "Muss eines von diesen sein: {a}, %s, b."
    )
    assert translate_known(
        "Must be greater than or equal to 1 and less than or equal to 5."
    ) == ("Muss größer oder gleich 1 und kleiner oder gleich 5 sein.")


@pytest.mark.parametrize("text", ["", "The plugin's own words.", "100 %", "{x}"])
def test_other_texts_stay_as_they_are(german, text):
    assert translate_known(text) == text


def test_nested_messages_are_translated_where_they_are(german):
    assert translate_messages(
        {"a": {0: ["Unknown field.", "own"]}, "b": ["Invalid input."], "c": None}
    ) == {"a": {0: ["Unbekanntes Feld.", "own"]}, "b": ["Ungültige Eingabe."], "c": None}


def test_all_stays_english_for_those_who_do_not_ask(app):
    with app.test_request_context("/"):
        for text in {*texts_of_fields(), *texts_of_validators()}:
            assert translate_known(text) == text
    assert translate_known("Unknown field.") == "Unknown field."
