"""What the docstring of a function says about the plugin and its parameters."""

from typing import NamedTuple

from docstring_parser import DocstringStyle, ParseError, parse


class Texts(NamedTuple):
    """The texts of a docstring in Google style.

    Attributes:
        description: all that stands before the sections.
        parameters: what the section ``Args:`` says, by parameter.
    """

    description: str
    parameters: dict[str, str]


def read_docstring(text: str | None) -> Texts:
    """Read a docstring without its indentation; a broken one is all description."""
    if not text:
        return Texts("", {})
    try:
        parsed = parse(text, style=DocstringStyle.GOOGLE)
    except ParseError:
        return Texts(text, {})
    texts = filter(None, (parsed.short_description, parsed.long_description))
    described = {each.arg_name: each.description or "" for each in parsed.params}
    return Texts("\n\n".join(texts), described)
