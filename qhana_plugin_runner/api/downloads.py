"""The one way in which bytes of users and plugins leave the runner."""

from flask import Response

from ..storage import content_type


def as_download(response: Response, mimetype: str | None) -> Response:
    """Let browsers take a response for what it is declared to be, in an origin of its own.

    Args:
        response: with the bytes.
        mimetype: as it was declared, never guessed; unknown bytes stay bytes.
    """
    headers = response.headers
    headers["Content-Type"] = content_type(mimetype)
    # Browsers must not detect HTML in content of another declared type.
    headers["X-Content-Type-Options"] = "nosniff"
    # Reports may run scripts, but not with the rights of the runner's own pages.
    headers["Content-Security-Policy"] = "sandbox allow-scripts"
    return response
