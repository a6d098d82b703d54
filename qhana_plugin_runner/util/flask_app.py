"""The Flask class of the runner: same responses, less work per request."""

from collections.abc import Callable, Iterable, MutableMapping
from functools import lru_cache
from inspect import CO_COROUTINE
from types import FunctionType
from typing import Any

from flask import Flask, Response, has_request_context
from flask.globals import request_ctx
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask.templating import Environment
from flask.wrappers import Request
from jinja2 import Template
from werkzeug.datastructures import Headers
from werkzeug.routing import Rule

from .strict_json import StrictJSONProvider
from .texts import encodable

START_ERROR = "qhana_start_error"
"""In the extensions of an app that a command may examine: why it could not be set up."""

Environ = dict[str, Any]
"""What WSGI tells of a request."""


class LazySessions(SecureCookieSessionInterface):
    """Sessions that do nothing when the client sent no cookie and the view uses none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the session; without a cookie there is no signature to check."""
        if app.secret_key and (
            "HTTP_COOKIE" not in request.environ
            or self.get_cookie_name(app) not in request.cookies
        ):
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """Save the session, unless it is empty and was not looked at."""
        if session or session.accessed or session.modified:
            super().save_session(app, session, response)


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
            if not args and not kwargs and self._is_all_that_is_known(environ):
                self.status_code = 304
            else:
                super().make_conditional(environ, *args, **kwargs)
        return self

    def _is_all_that_is_known(self, environ: Environ) -> bool:
        """Whether a client has just this answer: the usual case, for which nothing is parsed."""
        return (
            environ.get("HTTP_IF_NONE_MATCH", "") == self.headers.get("ETag")
            and environ["REQUEST_METHOD"] in ("GET", "HEAD")
            and "HTTP_IF_MATCH" not in environ
        )


class LazyRule(Rule):
    """A URL rule that compiles the code that builds its URLs when it builds the first one."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., Any]:
        compiled: list[Callable[..., Any]] = []

        def build(rule: Rule, /, **values: Any) -> Any:
            if not compiled:
                compiled.append(super(LazyRule, self)._compile_builder(append_unknown))
            return compiled[0](rule, **values)

        return build


class Head(Headers):
    """Headers of an answer on their way to the web server.

    Attributes:
        status: the status code of the answer
    """

    def __init__(self, status: str, headers: list[tuple[str, str]]) -> None:
        super().__init__()
        self._list = headers  # as they are: those of Werkzeug's own response
        self.status = int(status[:3])

    def __contains__(self, name: object) -> bool:
        """Whether there is a header; Werkzeug makes an exception for each that is not."""
        return str(name).lower() in [each.lower() for each, _value in self._list]

    def vary(self, name: str) -> None:
        """Tell caches that the answer depends on a header of the request."""
        names = ", ".join(self.getlist("Vary"))
        if name.lower() not in (each.strip().lower() for each in names.split(",")):
            self.set("Vary", f"{names}, {name}" if names else name)


class RunnerEnvironment(Environment):
    """Jinja with templates that share one ``dict`` of globals: each rendering copies them."""

    def make_globals(
        self, d: MutableMapping[str, Any] | None
    ) -> MutableMapping[str, Any]:
        """Return the globals of a template; only those with some of their own get a map."""
        return super().make_globals(d) if d else self.globals

    def _load_template(self, name: str, globals: Any) -> Template:
        template = super()._load_template(name, None)
        if globals:
            if template.globals is self.globals:
                template.globals = super().make_globals({})
            template.globals.update(globals)
        return template


_SIMPLE = frozenset((str, int, bool, type(None)))


class RunnerFlask(Flask):
    """A Flask app with standard JSON and any text.

    Attributes:
        environ_funcs: called with the environ of each request, before Flask looks at it
        head_funcs: called with the environ of each request and the head of its answer, whatever
            has made it; the context of the request is still there. Both are for what all
            requests pay for, and cost less than Flask's hooks
    """

    jinja_environment = RunnerEnvironment
    json_provider_class = StrictJSONProvider
    response_class = RunnerResponse
    url_rule_class = LazyRule
    session_interface = LazySessions()

    def __init__(self, *args: Any, **options: Any) -> None:
        self.environ_funcs: list[Callable[[Environ], None]] = []
        self.head_funcs: list[Callable[[Environ, Head], None]] = []
        self._known_url = lru_cache(2_000)(self._new_url)
        super().__init__(*args, **options)

    def wsgi_app(
        self, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer a request; see :meth:`flask.Flask.wsgi_app`."""
        for look in self.environ_funcs:
            look(environ)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            head = Head(status, headers)
            for finish in self.head_funcs:
                finish(environ, head)
            return start_response(status, head.to_wsgi_list(), *error)

        return super().wsgi_app(environ, start)

    def url_for(self, endpoint: str, **options: Any) -> str:
        """Return a URL; see :meth:`flask.Flask.url_for`.

        Most are wanted again and again, and remembered by all that they depend on.
        """
        adapter = request_ctx.url_adapter if has_request_context() else None
        if adapter is None or endpoint[:1] == "." or self.url_default_functions:
            return super().url_for(endpoint, **options)
        kinds = tuple(map(type, options.values()))
        if not _SIMPLE.issuperset(kinds):
            return super().url_for(endpoint, **options)
        place = (
            adapter.url_scheme,
            adapter.server_name,
            adapter.script_name,
            adapter.subdomain,
            adapter.default_method,
        )
        return self._known_url(endpoint, place, kinds, *options.items())

    def _new_url(
        self, endpoint: str, _place: Any, _kinds: Any, *options: tuple[str, Any]
    ) -> str:
        return super().url_for(endpoint, **dict(options))

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a callable for Flask, which asks for every hook of every request.

        Plain functions are recognized by their code flags, ten times faster.
        """
        plain = getattr(func, "__func__", func)
        if type(plain) is FunctionType and not plain.__code__.co_flags & CO_COROUTINE:
            if "_is_coroutine_marker" not in plain.__dict__:
                return func
        return super().ensure_sync(func)
