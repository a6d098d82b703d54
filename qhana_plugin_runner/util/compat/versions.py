"""Version numbers that libraries no longer carry."""

import importlib
from importlib import metadata

from .habits import Met, Patches, habit


@habit(
    "library-version",
    "marshmallow 3, Werkzeug 2 and flask-smorest 0.40",
    "the __version__ of a library",
    'write importlib.metadata.version("<library>")',
)
def _library_version(patches: Patches, met: Met) -> None:
    for module in ("marshmallow", "werkzeug", "flask_smorest"):
        names = {"__version__": metadata.version(module)}
        patches.names(importlib.import_module(module), names, met)
