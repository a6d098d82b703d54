"""The short form of a plugin: a function with a decorator.

It makes the blueprint, metadata, form, task and chain that one would write by hand::

    from qhana_plugin_runner.authoring import plugin

    @plugin(version="v1.0.0", outputs={"greeting": "custom/greeting"})
    def hello(name: str) -> str:
        \"\"\"Greets whoever you name.\"\"\"
        return f"Hello {name}!"
"""

from ..api.plugin_schemas import PluginType
from .annotations import Entities, Field, File, Output, PluginUrl, Secret
from .decorator import Plugin, plugin
from .errors import DeclarationError, OutputError, TaskCancelled
from .figures import Figure, Page
from .outputs import Ask
from .points import Points, to_labels, to_points
from .steps import Step
from .task import Task

__all__ = [
    "Ask",
    "DeclarationError",
    "Entities",
    "Field",
    "Figure",
    "File",
    "Output",
    "OutputError",
    "Page",
    "Plugin",
    "PluginType",
    "PluginUrl",
    "Points",
    "Secret",
    "Step",
    "Task",
    "TaskCancelled",
    "plugin",
    "to_labels",
    "to_points",
]
