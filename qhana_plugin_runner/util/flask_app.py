"""The Flask class of the runner: same responses, less work per request."""

from collections.abc import Callable
from inspect import CO_COROUTINE
from types import FunctionType
from typing import Any

from flask import Flask, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.wrappers import Request
from werkzeug.routing import Rule

from .strict_json import StrictJSONProvider
from .texts import encodable

START_ERROR = "qhana_start_error"
"""In the extensions of an app that a command may examine: why it could not be set up."""


class LazySessions(SecureCookieSessionInterface):
    """Sessions that skip signature setup when the client sent no cookie."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session; without a cookie there is no signature to check."""
        if app.secret_key and self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


_CONDITIONS = frozenset(
    f"HTTP_IF_{name}" for name in ("MATCH", "NONE_MATCH", "MODIFIED_SINCE", "RANGE")
)


class RunnerResponse(Response):
    """A response that can send any text."""

    def set_data(self, value: Any) -> None:
        """Set the body; text is encoded."""
        super().set_data(encodable(value) if isinstance(value, str) else value)

    def make_conditional(
        self, request_or_environ: Any, *args: Any, **kwargs: Any
    ) -> "RunnerResponse":
        """Turn into 304, 206 or 416 if the request is conditional; else do nothing."""
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
    """A Flask app with standard JSON and any text."""

    json_provider_class = StrictJSONProvider
    response_class = RunnerResponse
    url_rule_class = LazyRule
    session_interface = LazySessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a callable for Flask, which asks for every hook of every request.

        Plain functions are recognized by their code flags, ten times faster.
        """
        plain = getattr(func, "__func__", func)
        if type(plain) is FunctionType and not plain.__code__.co_flags & CO_COROUTINE:
            if "_is_coroutine_marker" not in plain.__dict__:
                return func
        return super().ensure_sync(func)
