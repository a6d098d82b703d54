"""Pages for developers of plugins or of the runner; mounted in debug mode only."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

from flask import Blueprint, Response, current_app, render_template, request
from flask_babel import gettext as _
from sqlalchemy.engine import make_url

from ...api.negotiation import page
from ...celery import CELERY
from ...plugins.failures import PluginFailure
from ...plugins.loading import loaded_plugins
from ...security.headers import allow_frame
from ...util import compat
from ...util.redaction import redact_urls
from ...util.texts import has_words
from ..workbench.catalogue import catalogue

DEBUG_PAGES = Blueprint("debug", __name__, url_prefix="/debug")

_PACKAGES = ("flask", "flask-smorest", "marshmallow", "sqlalchemy", "celery")


@DEBUG_PAGES.route("/")
def index() -> str:
    """Show the plugins that failed, the place where they failed, and the environment."""
    registry = loaded_plugins()
    return render_template(
        "runner/debug.html",
        failures=[failure for failure in registry.failures if not failure.is_note],
        problems=[each for each in catalogue(virtual=False) if each.problem],
        notes=[failure for failure in registry.failures if failure.is_note],
        plugin_count=len(registry.mounted),
        shims=compat.used_shims(),
        environment=_environment(),
    )


def failures_page(failures: Sequence[PluginFailure], code: int) -> Response:
    """Render what is shown in place of a plugin that fails.

    Args:
        failures: What has failed.
        code: The status of the response; 503 while it may be repaired.
    """
    return page("runner/failures.html", failures=failures, is_waiting=code == 503)


def _environment() -> list[tuple[str, str]]:
    """Return names and values that describe the environment, without secrets."""
    config = current_app.config
    database = make_url(config["SQLALCHEMY_DATABASE_URI"]).set(query={})
    return [
        ("Python", f"{platform.python_version()} ({platform.platform()})"),
        *((package, version(package)) for package in _PACKAGES),
        ("PLUGIN_FOLDERS", redact_urls(", ".join(config["PLUGIN_FOLDERS"]))),
        ("PLUGIN_COMPAT", _("on") if compat.installed() else _("off")),
        ("SQLALCHEMY_DATABASE_URI", database.render_as_string(hide_password=True)),
        ("BROKER_URL", CELERY.connection_for_write().as_uri(include_password=False)),
        ("CELERY_QUEUE", str(CELERY.conf.task_default_queue)),
        ("DEFAULT_FILE_STORE", str(config["DEFAULT_FILE_STORE"])),
        (_("instance folder"), current_app.instance_path),
    ]


@DEBUG_PAGES.route("/frontend-debugger")
def frontend_debugger() -> str:
    """Show a micro frontend with each message that it sends or receives."""
    url = request.args.get("url", "")
    allow_frame(url)
    return render_template(
        "runner/frontend_debugger.html",
        url=url,
        plugins=[plugin for plugin in catalogue() if plugin.ui_url],
    )


@DEBUG_PAGES.route("/routes")
def routes() -> str:
    """Show all routes, or those that have each word of ``?q=``."""
    query = request.args.get("q", "").strip()
    found = [
        (rule.rule, " ".join(sorted(rule.methods or ())), rule.endpoint)
        for rule in current_app.url_map.iter_rules()
    ]
    return render_template(
        "runner/routes.html",
        routes=sorted(route for route in found if has_words(query, *route)),
        route_count=len(found),
        query=query,
    )
