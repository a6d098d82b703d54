"""Shims for Flask 2."""

import flask
import markupsafe

from .shims import Patches, Warn, shim


@shim(
    "flask-names",
    "Flask 2",
    "Markup or escape imported from flask",
    "import it from markupsafe",
)
def _flask_names(patches: Patches, warn: Warn) -> None:
    names = {"Markup": markupsafe.Markup, "escape": markupsafe.escape}
    patches.names(flask, names, warn)
