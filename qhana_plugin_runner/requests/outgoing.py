"""What the runner adds to its calls of other runners, and webhooks: the request id, and tokens."""

from urllib.parse import urlsplit

from requests import PreparedRequest, Response, Session
from requests.auth import AuthBase

from ..util.request_id import HEADER, request_id
from .policy import current_policy

_PORTS = {"http": 80, "https": 443}

_HAS_TOKEN = "_has_outgoing_token"
"""Attribute of a request that carries a token of the settings."""


def _origin_of(url: str) -> str:
    """Return an origin as in the setting ``OUTGOING_TOKENS``: without the scheme's own port."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


class _AsRunner(AuthBase):
    """Adds the token that ``OUTGOING_TOKENS`` has for the origin of a request, if there is one.

    The id of the request that the runner works for goes to all origins.
    """

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if known := request_id():
            request.headers.setdefault(HEADER, known)
        tokens = current_policy().tokens
        token = tokens.get(_origin_of(request.url or "")) if tokens else None
        if token and "Authorization" not in request.headers:
            request.headers["Authorization"] = f"Bearer {token}"
            vars(request)[_HAS_TOKEN] = True
        return request


AS_RUNNER = _AsRunner()
"""The ``auth`` of requests that the runner makes in its own name, to other runners and webhooks.

Users name URLs of these, too (plugins to call, webhooks): everyone who may run something here can
make the runner act with the token at its origin. Not of those that fetch data: with them, everyone
would also read what the token may read.
"""


def is_led_to_token(url: str, by: str) -> bool:
    """Whether a URL, which an answer of another origin names, is one of an origin with a token."""
    tokens = current_policy().tokens
    try:
        return bool(tokens) and _origin_of(by) != _origin_of(url) in tokens
    except ValueError:
        return False  # nobody can send a request there


class TokenSession(Session):
    """A session that sends a token to the origin that it is for, and to no other."""

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Take off the token of the origin that redirects; the next one gets its own."""
        if _HAS_TOKEN in vars(response.request):
            prepared_request.headers.pop("Authorization", None)
            AS_RUNNER(prepared_request)
        else:
            super().rebuild_auth(  # type: ignore[no-untyped-call]
                prepared_request, response
            )
