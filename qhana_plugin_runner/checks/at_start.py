"""The checks that the product makes by itself when it starts: those of the metadata.

They need milliseconds for each plugin, and start no task.
"""

import logging

from flask import Flask

from ..plugins.loading import LoadedPlugins
from ..util.log_once import is_first_to_log
from .metadata import find_in_metadata
from .subject import Subject

_logger = logging.getLogger(__name__)


def log_findings(app: Flask) -> None:
    """Write to the log what is wrong with the metadata of the plugins of an app."""
    loaded: LoadedPlugins = app.extensions["qhana_plugins"]
    for plugin in list(loaded.mounted.values()):
        for each in find_in_metadata(Subject(app, plugin, app.test_client())):
            if is_first_to_log(f"{each.place} {each.text}"):
                _logger.warning("plugin %s: %s %s", each.plugin, each.text, each.cure)
