"""QHAna plugin runner: serves plugins with their micro frontends, API and background tasks.

Importing the package imports no library: the launcher needs none of them.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

    from .util.flask_app import RunnerFlask

__all__ = ["__version__", "create_app"]

__version__: str

if os.environ.get("QHANA_PLUGIN_RUNNER_BYTECODE"):
    from .util.bytecode import keep_bytecode

    keep_bytecode()


def __getattr__(name: str) -> str:
    if name == "__version__":
        from .version import runner_version

        return runner_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def create_app(
    test_config: Mapping[str, Any] | None = None, silent_log: bool = False
) -> Flask:
    """Make an app with all plugins mounted.

    May be called many times in one process; each app serves all plugins of the process.

    Args:
        test_config: settings to use instead of files and environment.
        silent_log: leave the logging of the process as it is.

    Raises:
        qhana_plugin_runner.util.config.ConfigError: a setting cannot be used.
    """
    with _garbage_collection_paused():
        return _create_app(test_config, silent_log)


def _create_app(test_config: Mapping[str, Any] | None, silent_log: bool) -> Flask:
    from .cli import register_commands
    from .util.flask_app import START_ERROR, RunnerFlask

    app = RunnerFlask(
        __name__,
        instance_path=_instance_path(),
        instance_relative_config=True,
    )
    app.url_map.strict_slashes = True
    register_commands(app)
    try:
        _set_up(app, test_config, silent_log)
    except Exception as error:
        if test_config is not None or not _is_looked_at_for_a_command():
            raise
        app.extensions[START_ERROR] = error  # each command but `flask doctor` raises it
    return app


def _is_looked_at_for_a_command() -> bool:
    """Tell whether ``flask`` makes the app to find out which commands it has."""
    import click
    from flask.cli import FlaskGroup

    context = click.get_current_context(silent=True)
    return context is not None and isinstance(context.command, FlaskGroup)


def _set_up(
    app: RunnerFlask, test_config: Mapping[str, Any] | None, silent_log: bool
) -> None:
    from .util.config import is_debug, load_settings, load_test_settings
    from .util.logging import configure_logging

    if test_config is None:
        load_settings(app.config, Path(app.instance_path), is_debug())
        if not silent_log:
            configure_logging(app.config)
    else:
        load_test_settings(app.config, test_config, Path(app.instance_path))

    from . import tasks  # noqa: F401  (plugins' messages end in the runner's tasks)
    from .api import ROOT_API, api_path, register_api
    from .api.debug_errors import register_debug_errors
    from .api.errors import register_error_handlers
    from .api.health import register_health_routes
    from .celery import register_celery
    from .db import register_db
    from .forms.jinja_helpers import register_jinja_helpers
    from .operations import register_maintenance
    from .operations.health import register_health
    from .operations.loop import AT_START
    from .operations.metrics import register_metrics
    from .operations.webhooks import register_webhooks
    from .plugins.loading import register_plugins
    from .registry_client import register_registry_client
    from .requests import register_requests
    from .security.headers import register_headers
    from .security.inputs import register_inputs
    from .security.sites import register_sites
    from .storage import STORE
    from .tasking.life_cycle import register_life_cycle
    from .util import compat
    from .util.babel import register_babel
    from .util.request_id import register_request_ids
    from .web.pages import register_pages
    from .web.workbench import register_workbench

    register_request_ids(app)
    _trust_proxies(app)
    register_metrics(app)
    register_sites(app)
    register_inputs(app)
    if app.config["PLUGIN_COMPAT"]:
        compat.install()
    else:
        compat.uninstall()
    register_babel(app)
    register_db(app)
    register_life_cycle(app)
    register_celery(app)
    register_requests(app)
    STORE.init_app(app)
    register_webhooks(app)
    register_maintenance(app)
    register_health(app)
    register_registry_client(app)
    register_api(app)
    register_health_routes(app)
    register_error_handlers(app)
    register_debug_errors(app)
    register_jinja_helpers(app)
    register_pages(app)
    register_workbench(app)
    register_headers(app)
    register_plugins(
        app,
        app.config["PLUGIN_FOLDERS"],
        mount=lambda blueprint, path: ROOT_API.register_blueprint(
            blueprint, url_prefix=api_path(app, path)
        ),
    )
    app.extensions[AT_START] = [_log_findings]


def _trust_proxies(app: Flask) -> None:
    if count := app.config["REVERSE_PROXY_COUNT"]:
        from werkzeug.middleware.proxy_fix import ProxyFix

        proxy = ProxyFix(app.wsgi_app, count, count, count, count, count)
        app.wsgi_app = proxy  # type: ignore[method-assign]


def _log_findings(app: Flask) -> None:
    from .checks.metadata import log_findings

    log_findings(app)


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Create many objects that stay without looking for garbage among them again and again.

    It takes a seventh of the time that imports take.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        _leave_alone_what_is_loaded()
        gc.enable()


@cache
def _leave_alone_what_is_loaded() -> None:
    """Tell the garbage collector never to look at the objects that are there the first time.

    It would do so in each full collection, and three times when the process ends, and it would
    write to memory that forked processes share.
    """
    gc.freeze()


def _instance_path() -> str | None:
    folder = os.environ.get("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER")
    return str(Path(folder).resolve()) if folder else None
