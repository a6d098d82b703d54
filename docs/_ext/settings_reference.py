"""The directive ``settings-reference``: all settings, read from the runner's table of settings.

Each setting can be referred to with the role ``{setting}`NAME```; a name that is no setting is
reported as a broken reference.
"""

import json
from collections.abc import Mapping
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from qhana_plugin_runner.util.config import SETTINGS, Setting

_TYPES = {
    "as_text": "text",
    "as_secret": "text or bytes, not empty",
    "as_database_url": "URL of a database",
    "as_tokens": "a mapping of origins to tokens; JSON",
    "as_webhook_secrets": "text; several are separated by spaces",
    "as_bool": "true or false",
    "as_count": "whole number, 0 or more",
    "as_severity": "number, or one of CRITICAL, ERROR, WARNING, INFO, DEBUG",
    "as_mapping": "mapping; as text, a JSON object",
    "as_paths": "list of folders; as text, separated by colons",
    "as_hosts": "list; as text, separated by commas or spaces",
    "as_origins": "list; as text, separated by commas or spaces",
    "as_rewrite_rules": "mapping or list of pairs; as text, a JSON object",
}


def type_of(setting: Setting) -> str:
    """Name the type of a setting after the function that converts its values."""
    name = setting.convert.__name__
    return _TYPES.get(name) or name.removeprefix("as_").replace("_", " ")


def _shown(value: Any) -> str:
    """Write a default as it would be written in ``config.toml``."""
    if value is None:
        return "not set"
    if isinstance(value, Mapping) and value:
        return "see below"
    return f"`` {json.dumps(value, ensure_ascii=False)} ``"


def _markdown(setting: Setting) -> list[str]:
    production, debug = setting.default_for(debug=False), setting.default_for(debug=True)
    default = _shown(production)
    if debug != production:
        default += f"; in debug mode {_shown(debug)}"
    variables = ", ".join(f"`{name}`" for name in setting.env) or "none"
    lines = [f"````{{setting}} {setting.name}", setting.help, ""]
    lines += [f"* Type: {type_of(setting)}", f"* Default: {default}"]
    lines += [f"* Environment variables: {variables}"]
    lines += (
        ["* Secret: no message or page shows the value", ""] if setting.secret else [""]
    )
    if isinstance(production, Mapping) and production:
        lines += ["```json", json.dumps(dict(production), indent=2), "```", ""]
    return [*lines, "````", ""]


class SettingsReference(SphinxDirective):
    """Lists the settings in the order of the table."""

    def run(self) -> list[nodes.Node]:
        lines = [line for setting in SETTINGS for line in _markdown(setting)]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_object_type("setting", "setting", objname="setting")
    app.add_directive("settings-reference", SettingsReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
