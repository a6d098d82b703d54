"""Filters and functions that templates of the runner and of plugins use."""

from collections.abc import Callable, Iterable
from functools import cache
from inspect import cleandoc
from typing import Any

import nh3
from flask import Flask
from flask_babel import get_locale
from jinja2 import Undefined
from markupsafe import Markup

from . import (
    Attributes,
    describe_form,
    get_datalist_from_schema,
    get_input_attr_step,
    get_input_type,
    get_validation_attrs,
)

__all__ = [
    "current_language",
    "get_datalist_from_schema",
    "get_input_attr_step",
    "get_input_type",
    "get_validation_attrs",
    "markdown",
    "register_jinja_helpers",
    "space_delimited_list",
]


@cache
def _to_html() -> Callable[[str], Any]:
    import mistune  # many processes render none

    return mistune.create_markdown(
        escape=False, plugins=["strikethrough", "table", "task_lists", "url"]
    )


def markdown(text: object) -> Markup:
    """Render Markdown as HTML that is safe to show; scripts, styles and forms are taken out.

    Links open in a new tab: in a frame they would take the place of a half-filled form.

    Parameters:
        text: anything; ``None`` and undefined values give nothing. Indentation that all lines
            share, as in docstrings, is ignored.
    """
    if not text:
        return Markup("")
    html = _to_html()(cleandoc(str(text)))
    assert isinstance(html, str)  # without a renderer of its own mistune returns HTML
    # All tags that nh3 keeps are harmless, the attributes are limited to those that are.
    return Markup(nh3.clean(html, set_tag_attribute_values={"a": {"target": "_blank"}}))


def space_delimited_list(items: Any) -> str | None:
    """Join texts with spaces, as HTML writes lists; empty ones are left out.

    A text or another single value stays as it is, ``None`` (or undefined) is ``None``.

    >>> space_delimited_list(["text/csv", None, "application/json"]), space_delimited_list(5)
    ('text/csv application/json', '5')
    """
    if items is None or isinstance(items, Undefined):
        return None
    if isinstance(items, str) or not isinstance(items, Iterable):
        return str(items)
    return " ".join(dict.fromkeys(str(item) for item in items if item))


def current_language() -> str:
    """Return the language of the page for ``<html lang>``."""
    locale: Any = get_locale()
    return str(locale).replace("_", "-") if locale else "en"


def register_jinja_helpers(app: Flask) -> None:
    """Make the helpers known to all templates."""
    app.jinja_env.filters["markdown"] = markdown
    app.jinja_env.globals.update(
        current_language=current_language,
        describe_form=describe_form,
        get_datalist_from_schema=get_datalist_from_schema,
        get_input_attr_step=get_input_attr_step,
        get_input_type=get_input_type,
        get_validation_attrs=get_validation_attrs,
        html_attributes=Attributes,
        space_delimited_list=space_delimited_list,
    )
