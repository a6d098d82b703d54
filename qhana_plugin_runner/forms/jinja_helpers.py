"""Filters and functions that templates of the runner and of plugins use."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, lru_cache
from inspect import cleandoc
from typing import Any

from flask import Flask
from flask_babel import lazy_gettext as _
from jinja2 import Undefined
from markupsafe import Markup, escape

from ..util.babel import current_locale
from .attributes import Attributes
from .checks import get_input_attr_step, get_input_type, get_validation_attrs
from .choices import Option, get_datalist_from_schema
from .description import FormField, describe_form

MAX_CACHED_FIELDS = 2_000
"""Fields whose HTML is kept, some 1 kB each: those of some hundred forms in two languages."""

_VALUE = "\0"
"""Stands for the value in HTML that is kept: no HTML holds this character."""

_CHOICES = [Option(_VALUE, _VALUE, selected=True), Option(_VALUE, _VALUE)]
"""Stand for the options of a select."""

MAX_CACHED_TEXTS = 2_000
MAX_CACHED_TEXT = 10_000
"""Texts whose HTML is kept (descriptions and help), and their length in characters."""


def markdown(text: object) -> Markup:
    """Render Markdown as HTML that is safe to show; scripts, styles and forms are removed.

    Links open in a new tab: in a frame they would replace a half-filled form.

    Args:
        text: Anything; ``None`` and undefined values give nothing. Indentation that all lines
            share, as in docstrings, is ignored.
    """
    if not text:
        return Markup("")
    given = str(text)
    return (_cached_html if len(given) <= MAX_CACHED_TEXT else _safe_html)(given)


def _safe_html(text: str) -> Markup:
    import nh3  # costs time at start

    html = _markdown_renderer()(cleandoc(text))
    allowed = {**nh3.ALLOWED_ATTRIBUTES, "*": {"id"}}
    # All tags that nh3 keeps are harmless, the attributes are limited to those that are.
    return Markup(
        nh3.clean(
            html,
            attributes={**allowed, "a": {*allowed["a"], "name"}},
            attribute_filter=_own_anchors,
            set_tag_attribute_values={"a": {"target": "_blank"}},
        )
    )


def _own_anchors(_tag: str, name: str, value: str) -> str:
    """Let no anchor have a name that scripts look for (DOM clobbering)."""
    if name in ("id", "name"):
        return f"user-content-{value}"
    is_inside = name == "href" and value.startswith("#")
    return f"#user-content-{value[1:]}" if is_inside else value


_cached_html = lru_cache(MAX_CACHED_TEXTS)(_safe_html)


@cache
def _markdown_renderer() -> Any:
    import mistune

    plugins = ["strikethrough", "table", "task_lists", "url"]
    return mistune.create_markdown(escape=False, plugins=plugins)


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
    return _language_tag(current_locale())


@lru_cache(maxsize=100)
def _language_tag(locale: Any) -> str:
    return str(locale).replace("_", "-") if locale else "en"


def _fields_renderer(app: Flask) -> Callable[..., Markup]:
    """Return a function that writes the HTML of fields and keeps it, but for the values."""

    def render(_language: str, field: FormField, *classes: str) -> str:
        macros: Any = app.jinja_env.get_template("forms.html").module
        return str(macros.render_field(field, *classes))

    render_cached = lru_cache(MAX_CACHED_FIELDS)(render)

    def form_fields_html(fields: Iterable[FormField], *classes: str) -> Markup:
        language, parts = current_language(), []
        for field in fields:
            # The cache must not hold what users enter, choose, or are offered.
            is_choice = field.type == "select" and field.options and not field.multiple
            is_long = len(field.values) > 1 or field.options and not is_choice
            if field.errors or is_long:
                parts.append(render(language, field, *classes))
                continue
            values, options = [_VALUE] * len(field.values), _CHOICES if is_choice else []
            key = replace(field, values=values, options=options)
            html = render_cached(language, key, *classes)
            for value in field.values:
                html = html.replace(_VALUE, escape(value))
            if is_choice:
                before, chosen, between, other, after = html.split(_VALUE)
                written = (
                    f"{escape(value)}{chosen if is_chosen else other}{escape(label)}"
                    for value, label, is_chosen in field.options
                )
                html = f"{before}{between.join(written)}{after}"
            parts.append(html)
        return Markup("".join(parts))

    return form_fields_html


_SCRIPT_TEXTS = {
    "correct": _("Please correct these entries and try again."),
    "failed": _("Something went wrong:"),
    "noConnection": _("The plugin is unreachable."),
    "sending": _("Sending …"),
    "sent": _("Sent."),
    "timeout": _("The plugin did not respond in time."),
}


@lru_cache(maxsize=100)
def _script_texts(_language: str) -> Markup:
    """Return the texts of ``microfrontend.js`` in the language of the request, as JSON."""
    return escape(json.dumps({name: str(text) for name, text in _SCRIPT_TEXTS.items()}))


def register_jinja_helpers(app: Flask) -> None:
    """Add the helpers to all templates."""
    app.jinja_env.filters["markdown"] = markdown
    app.jinja_env.globals.update(
        current_language=current_language,
        describe_form=describe_form,
        form_fields_html=_fields_renderer(app),
        get_datalist_from_schema=get_datalist_from_schema,
        get_input_attr_step=get_input_attr_step,
        get_input_type=get_input_type,
        get_validation_attrs=get_validation_attrs,
        html_attributes=Attributes,
        script_texts=lambda: _script_texts(current_language()),
        space_delimited_list=space_delimited_list,
    )
