"""What browsers ask for, and what they may do on the runner's own pages.

Pages of plugins get none of the restrictions: they bring scripts of their own, load things from
other hosts, and are shown in frames of other origins.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, render_template, request

__all__ = [
    "DOCS_POLICY",
    "PAGE_POLICY",
    "frame_policy",
    "html_page",
    "page",
    "protect",
    "register_page",
    "wants_html",
]

_PAGES = "qhana_pages"

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)

# The viewers of the API write style attributes, draw with data URLs and search in workers.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)


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
    return protect(response)


def frame_policy(url: str | None) -> str:
    """Return the policy for a page with a frame: a micro frontend may be on another host."""
    parts = urlsplit(url or "")
    origin = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or f"{origin}/" == request.host_url:
        return PAGE_POLICY
    return f"{PAGE_POLICY}; frame-src 'self' {origin}"


def protect(response: Response, policy: str = PAGE_POLICY) -> Response:
    """Set the headers on the response of one of the runner's own pages."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = policy
    return response
