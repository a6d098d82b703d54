"""Encodable texts: JSON may contain lone surrogates, UTF-8 may not."""

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def is_encodable(text: str) -> bool:
    """Return whether a text can be encoded as UTF-8.

    >>> is_encodable("\\U0001f600"), is_encodable("\\ud83d")
    (True, False)
    """
    return _SURROGATE.search(text) is None


def encodable(text: str) -> str:
    """Replace lone surrogates by U+FFFD, so that a text can be encoded as UTF-8.

    >>> encodable("half \\ud83d")
    'half \ufffd'
    """
    return _SURROGATE.sub("\ufffd", text)


def has_words(query: str, *texts: str) -> bool:
    """Tell whether each word of a search is in one of some texts, whatever its case.

    >>> has_words("hello WORLD", "Hello", "the world"), has_words("", "any"), has_words("x", "y")
    (True, True, False)
    """
    searched = "\n".join(texts).lower()
    return all(word in searched for word in query.lower().split())


def lead_and_rest(text: str) -> tuple[str, str]:
    """Part a text behind its first paragraph.

    >>> lead_and_rest("What it does.\\n\\nHow it does it.")
    ('What it does.', 'How it does it.')
    """
    lead, _blank, rest = text.strip().partition("\n\n")
    return lead, rest.strip()
