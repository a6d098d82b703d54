"""QHAna plugin runner: serves plugins with their micro frontends, API and background tasks.

Importing the package imports no library: the launcher needs none of them.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

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
    from .util.flask_app import START_ERROR, RunnerFlask

    app = RunnerFlask(
        __name__,
        instance_path=_instance_path(),
        instance_relative_config=True,
    )
    app.url_map.strict_slashes = True
    _register_commands(app)
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


def _set_up(app: Flask, test_config: Mapping[str, Any] | None, silent_log: bool) -> None:
    _register_config(app, test_config)
    if test_config is None and not silent_log:
        _register_logging(app)
    _register_request_ids(app)
    _register_proxies(app)
    _register_metrics(app)
    _register_sites(app)
    _register_inputs(app)
    _register_compat(app)
    _register_babel(app)
    _register_db(app)
    _register_life_cycle(app)
    _register_celery(app)
    _register_requests(app)
    _register_storage(app)
    _register_webhooks(app)
    _register_maintenance(app)
    _register_health(app)
    _register_registry(app)
    _register_api(app)
    _register_pages(app)
    _register_workbench(app)
    _register_headers(app)
    _register_plugins(app)
    _register_checks(app)


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Create many objects that stay without looking for garbage among them again and again.

    It takes a seventh of the time that imports take. The first time, the collector is told never
    to look at what is there then: it would do so in each full collection and three times when the
    process ends, and it would write to the pages that forked processes share.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
        gc.enable()


def _instance_path() -> str | None:
    folder = os.environ.get("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER")
    return str(Path(folder).resolve()) if folder else None


def _register_config(app: Flask, test_config: Mapping[str, Any] | None) -> None:
    from .util.config import is_debug, load_settings, load_test_settings

    if test_config is None:
        load_settings(app.config, Path(app.instance_path), is_debug())
    else:
        load_test_settings(app.config, test_config, Path(app.instance_path))


def _register_logging(app: Flask) -> None:
    from .util.logging import configure_logging

    configure_logging(app.config)


def _register_request_ids(app: Flask) -> None:
    from .util.request_id import register_request_ids

    register_request_ids(app)


def _register_proxies(app: Flask) -> None:
    count = app.config["REVERSE_PROXY_COUNT"]
    if count:
        from werkzeug.middleware.proxy_fix import ProxyFix

        proxy = ProxyFix(
            app.wsgi_app,
            x_for=count,
            x_proto=count,
            x_host=count,
            x_port=count,
            x_prefix=count,
        )
        app.wsgi_app = proxy  # type: ignore[method-assign]


def _register_metrics(app: Flask) -> None:
    from .operations.metrics import register_metrics

    register_metrics(app)


def _register_sites(app: Flask) -> None:
    from .security.sites import register_sites

    register_sites(app)


def _register_inputs(app: Flask) -> None:
    from .security.inputs import register_inputs

    register_inputs(app)


def _register_compat(app: Flask) -> None:
    from .util import compat

    if app.config["PLUGIN_COMPAT"]:
        compat.install()
    else:
        compat.uninstall()


def _register_babel(app: Flask) -> None:
    from .util.babel import register_babel

    register_babel(app)


def _register_db(app: Flask) -> None:
    from .db import register_db

    register_db(app)


def _register_life_cycle(app: Flask) -> None:
    from .tasking.life_cycle import register_life_cycle

    register_life_cycle(app)


def _register_celery(app: Flask) -> None:
    from . import tasks  # noqa: F401  (plugins' messages end in the runner's tasks)
    from .celery import register_celery

    register_celery(app)


def _register_requests(app: Flask) -> None:
    from .requests import register_requests

    register_requests(app)


def _register_storage(app: Flask) -> None:
    from .storage import STORE

    STORE.init_app(app)


def _register_webhooks(app: Flask) -> None:
    from .operations.webhooks import register_webhooks

    register_webhooks(app)


def _register_maintenance(app: Flask) -> None:
    from .operations import register_maintenance

    register_maintenance(app)


def _register_health(app: Flask) -> None:
    from .operations.health import register_health

    register_health(app)


def _register_registry(app: Flask) -> None:
    from .registry_client import register_registry_client

    register_registry_client(app)


def _register_api(app: Flask) -> None:
    from .api import register_api
    from .api.debug_errors import register_debug_errors
    from .api.errors import register_error_handlers
    from .api.health import register_health_routes

    register_api(app)
    register_health_routes(app)
    register_error_handlers(app)
    register_debug_errors(app)


def _register_pages(app: Flask) -> None:
    from .forms.jinja_helpers import register_jinja_helpers
    from .web.pages import register_pages

    register_jinja_helpers(app)
    register_pages(app)


def _register_workbench(app: Flask) -> None:
    from .web.workbench import register_workbench

    register_workbench(app)


def _register_headers(app: Flask) -> None:
    from .security.headers import register_headers

    register_headers(app)


def _register_plugins(app: Flask) -> None:
    from .api import ROOT_API, api_path
    from .plugins.loading import register_plugins

    register_plugins(
        app,
        app.config["PLUGIN_FOLDERS"],
        mount=lambda blueprint, path: ROOT_API.register_blueprint(
            blueprint, url_prefix=api_path(app, path)
        ),
    )


def _register_checks(app: Flask) -> None:
    from .operations.loop import AT_START

    def log_findings(app: Flask) -> None:
        from .checks.at_start import log_findings

        log_findings(app)

    app.extensions[AT_START] = [log_findings]


def _register_commands(app: Flask) -> None:
    from .cli import register_commands

    register_commands(app)
