"""Habits of Flask 2."""

import functools
import json
import os
import threading
from collections.abc import Callable
from typing import Any

import flask
import flask.globals
import flask.helpers
import flask.json
import markupsafe
import werkzeug.security
from flask.json.provider import DefaultJSONProvider

from qhana_plugin_runner.util import strict_json

from .habits import Met, Patches, habit

_OLD = "Flask 2"


@habit(
    "flask-names",
    _OLD,
    "a name that Flask dropped",
    "import Markup and escape from markupsafe, safe_join from werkzeug.security",
)
def _flask_names(patches: Patches, met: Met) -> None:
    names = {
        "Markup": markupsafe.Markup,
        "escape": markupsafe.escape,
        "safe_join": werkzeug.security.safe_join,
        "signals_available": True,
    }
    patches.names(flask, names, met)
    patches.names(flask.helpers, {"safe_join": werkzeug.security.safe_join}, met)


class _ContextStack:
    """Gives the current context as the top of a stack."""

    def __init__(self, proxy: Any) -> None:
        self._proxy = proxy

    @property
    def top(self) -> Any:
        return self._proxy._get_current_object() if self._proxy else None


@habit(
    "flask-context-stack",
    _OLD,
    "_app_ctx_stack or _request_ctx_stack",
    "use flask.g, flask.current_app or flask.has_app_context()",
)
def _flask_context_stack(patches: Patches, met: Met) -> None:
    names = {
        "_app_ctx_stack": _ContextStack(flask.globals.app_ctx),
        "_request_ctx_stack": _ContextStack(flask.globals.request_ctx),
    }
    patches.names(flask, names, met)
    patches.names(flask.globals, names, met)


class _JSONEncoder(json.JSONEncoder):
    """Encodes what Flask's own encoder did: dates, UUIDs, decimals, dataclasses, ``__html__``."""

    def default(self, o: Any) -> Any:
        return DefaultJSONProvider.default(o)


class _EncoderProvider:
    """Lets a JSON provider use encoder classes, by blueprint or (key ``None``) for the app."""

    compat_encoders: dict[str | None, type[json.JSONEncoder]]

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        encoder = self.compat_encoders.get(None)
        if flask.has_request_context():
            encoder = self.compat_encoders.get(flask.request.blueprint, encoder)
        if encoder is None:
            plain: Any = super()
            return str(plain.dumps(obj, **kwargs))
        kwargs.setdefault("sort_keys", getattr(self, "sort_keys", True))
        kwargs.setdefault("ensure_ascii", getattr(self, "ensure_ascii", True))
        return strict_json.dumps(obj, **{"cls": encoder, **kwargs})


def _set_encoder(
    app: Any, blueprint: str | None, encoder: type[json.JSONEncoder]
) -> None:
    if not isinstance(app.json, _EncoderProvider):
        base = type(app.json)
        provider: Any = type(base.__name__, (_EncoderProvider, base), {})(app)
        vars(provider).update(vars(app.json), compat_encoders={})
        app.json = provider
    app.json.compat_encoders[blueprint] = encoder


@habit(
    "flask-json-encoder",
    _OLD,
    "flask.json.JSONEncoder, or the json_encoder of an app or blueprint",
    "subclass flask.json.provider.DefaultJSONProvider and set app.json",
)
def _flask_json_encoder(patches: Patches, met: Met) -> None:
    def get(self: Any) -> Any:
        met()
        return vars(self).get("compat_json_encoder", _JSONEncoder)

    def set_on_app(app: Any, encoder: type[json.JSONEncoder]) -> None:
        met(encoder.__name__)
        vars(app)["compat_json_encoder"] = encoder
        _set_encoder(app, None, encoder)

    def set_on_blueprint(blueprint: Any, encoder: type[json.JSONEncoder]) -> None:
        met(encoder.__name__)
        vars(blueprint)["compat_json_encoder"] = encoder

        def apply(state: Any) -> None:
            name = f"{state.name_prefix}.{state.name}".lstrip(".")
            _set_encoder(state.app, name, encoder)

        blueprint.record(apply)

    names = {"JSONEncoder": _JSONEncoder, "JSONDecoder": json.JSONDecoder}
    patches.names(flask.json, names, met)
    patches.attribute(flask.Flask, "json_encoder", property(get, set_on_app))
    patches.attribute(flask.Blueprint, "json_encoder", property(get, set_on_blueprint))


class _FirstRequest:
    """Runs a function before the first request, and again only if it failed."""

    def __init__(self, app: Any, function: Callable[[], Any]) -> None:
        self._function = app.ensure_sync(function)
        self._lock = threading.Lock()
        self._done = False

    def __call__(self) -> None:
        if self._done:
            return
        with self._lock:
            if not self._done:
                self._function()
                self._done = True


@habit(
    "flask-before-first-request",
    _OLD,
    "before_first_request or before_app_first_request",
    "do the work in the plugin's init_app",
)
def _flask_before_first_request(patches: Patches, met: Met) -> None:
    def before_first_request(self: Any, f: Callable[[], Any]) -> Callable[[], Any]:
        met(f.__name__, owner=f)
        # They ran before every before_request function, in the order in which they were added.
        functions = self.before_request_funcs.setdefault(None, [])
        position = sum(isinstance(each, _FirstRequest) for each in functions)
        functions.insert(position, _FirstRequest(self, f))
        return f

    def before_app_first_request(self: Any, f: Callable[[], Any]) -> Callable[[], Any]:
        met(f.__name__, owner=f)
        self.record_once(lambda state: before_first_request(state.app, f))
        return f

    patches.attribute(flask.Flask, "before_first_request", before_first_request)
    patches.attribute(
        flask.Blueprint, "before_app_first_request", before_app_first_request
    )


@habit(
    "flask-app-attributes",
    _OLD,
    "an attribute of the app that is a setting",
    'write app.config["..."], or app.debug instead of app.env',
)
def _flask_app_attributes(patches: Patches, met: Met) -> None:
    def of_config(name: str, key: str) -> property:
        def get(app: Any) -> Any:
            met(f"app.{name}")
            return app.config.get(key)

        def set_(app: Any, value: Any) -> None:
            met(f"app.{name}")
            app.config[key] = value

        return property(get, set_)

    def get_env(app: Any) -> str:
        met("app.env")
        return app.config.get("ENV") or os.environ.get("FLASK_ENV") or "production"

    patches.attribute(flask.Flask, "env", property(get_env))
    for name in (
        "propagate_exceptions",
        "send_file_max_age_default",
        "session_cookie_name",
        "templates_auto_reload",
        "use_x_sendfile",
    ):
        patches.attribute(flask.Flask, name, of_config(name, name.upper()))


@habit(
    "flask-send-file",
    _OLD,
    "an old keyword of send_file or send_from_directory",
    "write download_name=, max_age=, etag= and path=",
)
def _flask_send_file(patches: Patches, met: Met) -> None:
    renamed = {"attachment_filename": "download_name", "cache_timeout": "max_age"}
    renamed["add_etags"] = "etag"

    def send(
        more: dict[str, str], original: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        for old, new in (renamed | more).items():
            if old in kwargs:
                met(f"{original.__name__}({old}=)")
                kwargs.setdefault(new, kwargs.pop(old))
        return original(*args, **kwargs)

    for name, more in (("send_file", {}), ("send_from_directory", {"filename": "path"})):
        patches.wrap(flask.helpers, name, functools.partial(send, more))
        patches.attribute(flask, name, vars(flask.helpers)[name])
