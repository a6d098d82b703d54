"""What browsers ask for: pages at the addresses that answer programs with JSON."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, render_template, request

_PAGES = "qhana_pages"


def wants_html() -> bool:
    """Whether a person asks: only browsers name ``text/html`` before JSON in ``Accept``."""
    if "text/html" not in request.headers.get("Accept", "").lower():
        return False  # to parse the header takes much longer
    accepted = request.accept_mimetypes
    return (
        "text/html" in accepted.values()
        and accepted.best_match(["application/json", "text/html"]) == "text/html"
    )


def register_page(app: Flask, name: str, render: Callable[..., Response]) -> None:
    """Make a function the one that renders a page which the API answers browsers with.

    Args:
        app: the app whose API it is
        name: names the page, see :func:`html_page`
        render: returns the page
    """
    app.extensions.setdefault(_PAGES, {})[name] = render


def html_page(name: str, *args: Any) -> Response:
    """Render a page that was registered with :func:`register_page`."""
    render: Callable[..., Response] = current_app.extensions[_PAGES][name]
    return render(*args)


def page(template: str, **variables: Any) -> Response:
    """Render a page at an address that answers programs with JSON."""
    response = current_app.make_response(render_template(template, **variables))
    response.vary.add("Accept")
    return response
