"""JSON responses that are encoded once and sent many times."""

from hashlib import sha256
from typing import Any, NamedTuple

from flask import Response, current_app, jsonify, request


class CachedAnswer(NamedTuple):
    """A body in JSON that is ready to be sent, with its ETag."""

    body: bytes
    etag: str

    @classmethod
    def of_text(cls, body: bytes) -> "CachedAnswer":
        """Keep a text in JSON."""
        return cls(body, f'"{sha256(body).hexdigest()[:32]}"')

    @classmethod
    def of(cls, value: Any) -> "CachedAnswer":
        """Keep a value as ``jsonify`` writes it."""
        return cls.of_text(jsonify(value).get_data())

    def response(self) -> Response:
        """Send the body, or 304 to those who have it."""
        response = current_app.response_class(self.body, mimetype="application/json")
        response.headers["ETag"] = self.etag
        response.make_conditional(request)
        return response
