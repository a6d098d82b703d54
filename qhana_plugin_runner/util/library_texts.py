"""Texts that are written in English before it is known who reads them, and their translation.

Libraries check what a person has entered and find the words for what is wrong. They know
nothing of languages, so their texts are recognized here when they are shown.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from flask_babel import gettext


def N_(text: str) -> str:
    """Mark a text for extraction; it is translated later."""
    return text


_KNOWN = (
    # marshmallow: fields and schemas
    N_("Missing data for required field."),
    N_("Field may not be null."),
    N_("Invalid value."),
    N_("Invalid type."),
    N_("Invalid input type."),
    N_("Unknown field."),
    N_("Not a valid list."),
    N_("Not a valid tuple."),
    N_("Not a valid string."),
    N_("Not a valid utf-8 string."),
    N_("Not a valid UUID."),
    N_("Not a valid number."),
    N_("Number too large."),
    N_("Not a valid integer."),
    N_("Special numeric values (nan or infinity) are not permitted."),
    N_("Not a valid boolean."),
    N_("Not a valid datetime."),
    N_("Not a valid naive datetime."),
    N_("Not a valid aware datetime."),
    N_("Not a valid time."),
    N_("Not a valid date."),
    N_("Not a valid period of time."),
    N_("Not a valid mapping type."),
    N_("Not a valid URL."),
    N_("Not a valid email address."),
    N_("Not a valid IP address."),
    N_("Not a valid IPv4 address."),
    N_("Not a valid IPv6 address."),
    N_("Not a valid IP interface."),
    N_("Not a valid IPv4 interface."),
    N_("Not a valid IPv6 interface."),
    # marshmallow: validators
    N_("Must be greater than or equal to {min}."),
    N_("Must be greater than {min}."),
    N_("Must be less than or equal to {max}."),
    N_("Must be less than {max}."),
    N_("Must be greater than or equal to {min} and less than or equal to {max}."),
    N_("Must be greater than or equal to {min} and less than {max}."),
    N_("Must be greater than {min} and less than or equal to {max}."),
    N_("Must be greater than {min} and less than {max}."),
    N_("Shorter than minimum length {min}."),
    N_("Longer than maximum length {max}."),
    N_("Length must be between {min} and {max}."),
    N_("Length must be {equal}."),
    N_("Must be equal to {other}."),
    N_("String does not match expected pattern."),
    N_("Invalid input."),
    N_("Must be one of: {choices}."),
    N_("One or more of the choices you made was not in: {choices}."),
    N_("One or more of the choices you made was in: {values}."),
    # flask-smorest and webargs
    N_("Not a valid file."),
    N_("Invalid JSON body."),
    # werkzeug: errors that a person can meet in a browser
    N_("The browser (or proxy) sent a request that this server could not understand."),
    N_(
        "The requested URL was not found on the server. If you entered the URL manually "
        "please check your spelling and try again."
    ),
    N_("The method is not allowed for the requested URL."),
    N_("The data value transmitted exceeds the capacity limit."),
    N_("The server does not support the media type transmitted in the request."),
    N_("The server cannot provide the requested range."),
    N_(
        "The server encountered an internal error and was unable to complete your request. "
        "Either the server is overloaded or there is an error in the application."
    ),
    # the runner's own
    N_("Not a text with elements separated by commas."),
    N_(
        "the message broker cannot be reached ({cause}); nothing was started. "
        "Check that it is running and that BROKER_URL is right, then try again."
    ),
)


def _pattern(template: str) -> re.Pattern[str]:
    source = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*)", re.escape(template))
    return re.compile(source, re.DOTALL)


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    # The longest first: a short one with a wide gap also fits texts of longer ones.
    return [(text, _pattern(text)) for text in sorted(_KNOWN, key=len, reverse=True)]


def translate_known(text: str) -> str:
    """Translate a text of a library for whoever asks; any other text stays as it is.

    >>> translate_known("Must be greater than 3.")
    'Must be greater than 3.'
    """
    for template, pattern in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return str(gettext(template)).format(**found.groupdict())
    return text


def translate_messages(errors: Any) -> Any:
    """Translate all texts in what marshmallow reports: texts, lists, mappings, nested."""
    if isinstance(errors, str):
        return translate_known(errors)
    if isinstance(errors, Mapping):
        return {key: translate_messages(nested) for key, nested in errors.items()}
    if isinstance(errors, (list, tuple)):
        return [translate_messages(each) for each in errors]
    return errors
