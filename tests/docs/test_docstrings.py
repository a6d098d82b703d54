"""Everything that plugin authors may import says what it is for and what it takes."""

import importlib
import inspect
import json
import re
from pathlib import Path

import pytest
from celery.app.task import Task

SURFACE = json.loads(
    (Path(__file__).parents[1] / "contract" / "surface.json").read_text("utf-8")
)
PACKAGE = "qhana_plugin_runner"

SECTION = re.compile(r"^(?:Args|Parameters|Attributes):\n((?:[ \t]+\S.*\n?|\n)+)", re.M)
ENTRY = re.compile(r"^    \*{0,2}(\w+):", re.M)
GENERATED = re.compile(r"\w+\([^()]*\)")
"""The docstring that dataclasses and named tuples get when they have none."""


def find_definitions():
    """Yield the names and objects of the surface that are defined in the package."""
    for module_name, entries in SURFACE.items():
        module = importlib.import_module(module_name)
        for name, entry in entries.items():
            obj = getattr(module, name)
            if isinstance(obj, Task):
                obj = obj.run
            if not (inspect.isclass(obj) or inspect.isroutine(obj)):
                continue  # a constant
            if obj.__module__.partition(".")[0] != PACKAGE:
                continue
            yield f"{module_name}.{name}", obj
            for member in entry.get("members", ()) if inspect.isclass(obj) else ():
                if is_first_definition(obj, member):
                    yield f"{module_name}.{name}.{member}", getattr(obj, member)


def is_first_definition(cls, member):
    """Tell whether a method or property is one of the package and overrides nothing."""
    owners = [base for base in cls.__mro__ if member in vars(base)]
    if len(owners) != 1 or owners[0].__module__.partition(".")[0] != PACKAGE:
        return False
    definition = vars(owners[0])[member]
    kinds = (property, classmethod, staticmethod)
    return inspect.isroutine(definition) or isinstance(definition, kinds)


def docstring_of(obj):
    """Return a docstring that somebody has written, or an empty text."""
    doc = inspect.getdoc(obj) if not inspect.isclass(obj) else obj.__dict__.get("__doc__")
    doc = inspect.cleandoc(doc or "")
    return "" if GENERATED.fullmatch(doc) else doc


def parameters_of(obj):
    """Return the names of the parameters that somebody has written.

    Those of dataclasses and of subclasses without an ``__init__`` of their own are attributes,
    or are explained by the base class. What goes on to a library (``**kwargs``) is not counted.
    """
    if isinstance(obj, property):
        return []
    if inspect.isclass(obj):
        init = obj.__dict__.get("__init__")
        # dataclasses make theirs from text, which is in no file
        if init is None or not init.__code__.co_filename.endswith(".py"):
            return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        name
        for name, parameter in inspect.signature(obj).parameters.items()
        if name != "self" and parameter.kind not in variable
    ]


def unexplained(obj):
    """Return the parameters that the docstring of a function or class does not explain.

    A single one is what the whole text is about. Several have all to be in the section of
    arguments, or to be named somewhere in a text that has none.
    """
    doc = docstring_of(obj)
    names = parameters_of(obj)
    if len(names) == 1:
        return []
    if sections := SECTION.findall(doc):
        known = set(ENTRY.findall("\n".join(sections)))
    else:
        known = set(re.findall(r"\w+", doc))
    return [name for name in names if name not in known]


DEFINITIONS = dict(find_definitions())


def test_the_surface_is_looked_at():
    """Names of each kind are among those that are checked below."""
    assert len(DEFINITIONS) > 150
    for name in [
        "tasks.add_step",
        "requests.open_url",
        "plugin_utils.entity_marshalling.EntityTupleMixin.get",
        "db.models.virtual_plugins.PluginState.set_value",
        "db.models.tasks.ProcessingTask.is_finished",
        "api.util.FileUrl",
    ]:
        assert f"{PACKAGE}.{name}" in DEFINITIONS


def test_public_classes_and_functions_have_docstrings():
    assert [name for name, obj in DEFINITIONS.items() if not docstring_of(obj)] == []


def test_docstrings_explain_all_parameters():
    assert {
        name: unexplained(obj) for name, obj in DEFINITIONS.items() if unexplained(obj)
    } == {}


def sample_without_section(value, other):
    """Make something of a value."""


def sample_with_section(value, other):
    """Make something of the value and another.

    Args:
        value: what it is made of.
    """


@pytest.mark.parametrize("sample", [sample_without_section, sample_with_section])
def test_a_parameter_that_is_not_explained_is_found(sample):
    assert unexplained(sample) == ["other"]
