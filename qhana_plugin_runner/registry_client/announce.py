"""Notifies the registry about virtual plugins as soon as they are created or removed.

The registry looks at the URL that it gets: it adds the plugin there, or removes a plugin that is
gone.
"""

import logging
from typing import Any

from celery import Task
from flask import Flask
from kombu.exceptions import OperationalError
from requests.exceptions import RequestException

from ..celery import CELERY
from ..db.models.virtual_plugins import VIRTUAL_PLUGIN_CREATED, VIRTUAL_PLUGIN_REMOVED
from ..requests import display_url
from ..util.backoff import backoff
from . import PLUGIN_REGISTRY_CLIENT

_logger = logging.getLogger(__name__)

MAX_RETRIES = 6
"""With pauses of 1, 2, 4 ... seconds a minute in total, enough for a restart of the registry. What
it misses, it finds when it visits all runners the next time."""


def connect_signals() -> None:
    """Announce virtual plugins from now on; calling it again changes nothing."""
    VIRTUAL_PLUGIN_CREATED.connect(_virtual_plugin_changed)
    VIRTUAL_PLUGIN_REMOVED.connect(_virtual_plugin_changed)


def _virtual_plugin_changed(_app: Flask, *, plugin_url: str, **_kwargs: Any) -> None:
    if not PLUGIN_REGISTRY_CLIENT.ready:
        return
    try:
        announce_plugin.s(plugin_url=plugin_url).apply_async()
    except OperationalError as error:
        # The plugin has made its change, which the registry will find later.
        _logger.warning(
            "the registry is not notified about %s: %s", display_url(plugin_url), error
        )


@CELERY.task(
    name=f"{__name__}.announce_plugin",
    bind=True,
    ignore_result=True,
    max_retries=MAX_RETRIES,
)
def announce_plugin(self: Task, plugin_url: str) -> None:
    """Ask the registry to look at the URL of a plugin.

    Args:
        plugin_url: the URL of the plugin's metadata, absolute.

    Raises:
        requests.exceptions.RequestException: the registry failed several times in a row.
    """
    try:
        answer = PLUGIN_REGISTRY_CLIENT.fetch_by_rel(
            ["plugin", ["plugin", "post"]], query_params={"url": plugin_url}
        )
    except RequestException as error:
        raise self.retry(
            exc=error, countdown=backoff(self.request.retries + 1, 1.0, 60.0)
        )
    if answer is None:
        _logger.warning(
            "the registry %s does not accept notifications about plugins",
            display_url(PLUGIN_REGISTRY_CLIENT.plugin_registry_url or ""),
        )
