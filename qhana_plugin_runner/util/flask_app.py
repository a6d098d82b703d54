"""The Flask class of the runner: the same answers as Flask, with less work for each request."""

from collections.abc import Callable
from inspect import CO_COROUTINE
from types import FunctionType
from typing import Any

from flask import Flask, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.wrappers import Request
from werkzeug.routing import Rule

from .strict_json import StrictJSONProvider
from .texts import encodable

__all__ = ["RunnerFlask"]


class LazySessions(SecureCookieSessionInterface):
    """Sessions that cost nothing where the client has sent no cookie."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session; without its cookie there is no signature to check."""
        if app.secret_key and self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


_CONDITIONS = frozenset(
    f"HTTP_IF_{name}" for name in ("MATCH", "NONE_MATCH", "MODIFIED_SINCE", "RANGE")
)

CORS_METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


def allow_all_origins(response: Response) -> None:
    """Let scripts of other origins read an answer, unless its view has decided itself.

    There are no cookies to protect: what the wildcard allows, any program can do.
    """
    headers = response.headers
    if "Access-Control-Allow-Origin" in headers:
        return
    headers["Access-Control-Allow-Origin"] = "*"
    asked = request.headers
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in asked:
        headers["Access-Control-Allow-Methods"] = CORS_METHODS
        if wanted := asked.get("Access-Control-Request-Headers"):
            headers["Access-Control-Allow-Headers"] = wanted


class RunnerResponse(Response):
    """A response whose text is always sent, whatever is in it."""

    def set_data(self, value: Any) -> None:
        """Set the body; text is encoded."""
        super().set_data(encodable(value) if isinstance(value, str) else value)

    def make_conditional(
        self, request_or_environ: Any, *args: Any, **kwargs: Any
    ) -> "RunnerResponse":
        """Answer with 304, 206 or 416 where the request asks for that; else do nothing."""
        environ = getattr(request_or_environ, "environ", request_or_environ)
        if args or kwargs or not _CONDITIONS.isdisjoint(environ):
            super().make_conditional(environ, *args, **kwargs)
        return self


class LazyRule(Rule):
    """A URL rule that compiles the code that builds its URLs when it builds the first one."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., Any]:
        compiled: list[Callable[..., Any]] = []

        def build(rule: Rule, /, **values: Any) -> Any:
            if not compiled:
                compiled.append(super(LazyRule, self)._compile_builder(append_unknown))
            return compiled[0](rule, **values)

        return build


class RunnerFlask(Flask):
    """A Flask app that writes strict JSON and any text, for scripts of all origins."""

    json_provider_class = StrictJSONProvider
    response_class = RunnerResponse
    url_rule_class = LazyRule
    session_interface = LazySessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that Flask may call; it asks for each hook of each request.

        Plain functions are told by their code, which takes a tenth of the time.
        """
        if type(func) is FunctionType and not func.__code__.co_flags & CO_COROUTINE:
            if not hasattr(func, "_is_coroutine_mark"):
                return func
        return super().ensure_sync(func)

    def process_response(self, response: Response) -> Response:
        """Complete an answer, that of an error handler included."""
        response = super().process_response(response)
        allow_all_origins(response)
        return response
