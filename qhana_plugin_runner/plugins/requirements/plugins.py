"""Collects the requirements of all plugins of an app.

A plugin whose dependency is missing cannot be imported, and so has no instance to ask. Its
``get_requirements``, or the ``requirements`` of its decorator, is looked up in its source, and
understood when it is a literal. No code of such a plugin runs.
"""

import ast
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from packaging.utils import canonicalize_name

from ...errors import OperatorError
from ..loading import QHAnaPluginBase
from ..modules import find_modules
from .lines import Requirement, RequirementsError, read_requirements

__all__ = [
    "Collected",
    "UnknownPlugin",
    "brings_tests",
    "collect",
    "requirements_in_source",
]

_OWN_NAME = canonicalize_name("qhana-plugin-runner")
_METHOD = "get_requirements"
_DECORATOR, _KEYWORD = "plugin", "requirements"


class UnknownPlugin(OperatorError):
    """Somebody asks for a plugin that is not there."""


@dataclass
class Collected:
    """The requirements of the plugins of an app.

    Attributes:
        requirements: of all plugins that could be read, in the order of the plugins.
        failures: reasons why others could not be read, by plugin.
    """

    requirements: list[Requirement] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


def collect(
    app: Flask, only_with_tests: bool = False, names: Sequence[str] = ()
) -> Collected:
    """Collect the requirements of plugins, without the runner itself.

    Args:
        app: the app that has loaded the plugins.
        only_with_tests: skip plugins without tests, see :func:`brings_tests`.
        names: of the plugins, their identifiers, files or folders (default: all plugins).

    Raises:
        UnknownPlugin: there is no plugin of one of these names.
    """
    collected = Collected()
    known = [(each, _names(*each)) for each in _plugins(app)]
    for name in names:
        if not any(name in own for _, own in known):
            raise UnknownPlugin(
                f"there is no plugin {name!r}: `flask plugin list` shows those that there are"
            )
    for (owner, file, plugin), own in known:
        if names and own.isdisjoint(names):
            continue
        if only_with_tests and not brings_tests(file):
            continue
        try:
            texts = requirements_in_source(file) if plugin is None else _ask(plugin)
            found = [each for text in texts for each in read_requirements(owner, text)]
        except RequirementsError as error:
            collected.failures[owner] = str(error)
        else:
            collected.requirements += [each for each in found if each.name != _OWN_NAME]
    return collected


def _names(owner: str, file: Path, plugin: QHAnaPluginBase | None) -> set[str]:
    """Return all that a plugin may be called."""
    is_package = file.name == "__init__.py"
    names = {owner, str(file), file.parent.name if is_package else file.stem}
    return names | ({plugin.name} if plugin is not None else set())


def brings_tests(file: Path) -> bool:
    """Return whether a plugin is a package that has a folder ``tests`` or files ``test_*.py``.

    Args:
        file: the plugin's module, or the ``__init__.py`` of its package.
    """
    folder = file.parent
    return file.name == "__init__.py" and (
        (folder / "tests").is_dir() or any(folder.glob("test_*.py"))
    )


def _plugins(app: Flask) -> Iterator[tuple[str, Path, QHAnaPluginBase | None]]:
    """Yield name, file and instance of each plugin; the instance is None after a failure."""
    seen = set()
    for identifier, plugin in sorted(QHAnaPluginBase.get_plugins().items()):
        top = type(plugin).__module__.partition(".")[0]
        module_file = getattr(sys.modules.get(top), "__file__", None)
        seen.add(module_file)
        yield identifier, Path(module_file or top), plugin
    failures = app.extensions["qhana_plugins"].failures
    seen.update(  # they define no plugin
        each.file for each in failures if each.is_note and each.stage == "import"
    )
    for module in find_modules(app.config["PLUGIN_FOLDERS"]):
        if str(module.file) not in seen:
            yield str(module.file), module.file, None


def _ask(plugin: QHAnaPluginBase) -> list[str]:
    try:
        text: object = plugin.get_requirements()
    except NotImplementedError:
        return []
    except KeyboardInterrupt:  # from the operator
        raise
    except BaseException as error:  # plugins are foreign code; some exit
        raise RequirementsError(
            f"get_requirements() raised {type(error).__name__}: {error}"
        ) from error
    if not isinstance(text, str):
        raise RequirementsError(
            f"get_requirements() returned {type(text).__name__}: it has to return text with one "
            "requirement per line"
        )
    return [text]


def requirements_in_source(file: Path) -> list[str]:
    """Return the requirements texts that the source of a plugin contains.

    Args:
        file: the module, or the ``__init__.py`` of the package.

    Raises:
        RequirementsError: a source file cannot be read, or computes its requirements.
    """
    files = [file]
    if file.name == "__init__.py":
        package = file.parent
        files = [
            source
            for source in sorted(package.rglob("*.py"))
            if "tests" not in source.relative_to(package).parts
            and not source.name.startswith("test_")
        ]
    return [text for source in files for text in _texts(source)]


def _texts(source: Path) -> Iterator[str]:
    for node in ast.walk(_parsed(source)):
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name == _METHOD:
                    yield from _returned_text(member, source)
        elif isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                yield from _declared_texts(decorator, source)


def _parsed(source: Path) -> ast.Module:
    try:
        with tokenize.open(source) as opened:  # in the encoding that it declares
            return ast.parse(opened.read())
    except (SyntaxError, ValueError) as error:
        # Another file may contain the requirements, but they might be incomplete.
        raise RequirementsError(
            f"{source} is not valid Python ({error}): correct it"
        ) from error
    except OSError as error:
        raise RequirementsError(
            f"{source} cannot be read ({error.strerror}): change its permissions"
        ) from error


def _declared_texts(decorator: ast.expr, source: Path) -> Iterator[str]:
    """Yield the requirements of a plugin in the short form: ``@plugin(requirements=[...])``."""
    match decorator:
        case ast.Call(
            func=ast.Name(id=name) | ast.Attribute(attr=name), keywords=keywords
        ) if (name == _DECORATOR):
            for keyword in keywords:
                if keyword.arg == _KEYWORD:
                    yield "\n".join(_literal_texts(keyword.value, source))


def _literal_texts(value: ast.expr, source: Path) -> list[str]:
    if isinstance(value, (ast.List, ast.Tuple)):
        texts = [each.value for each in value.elts if isinstance(each, ast.Constant)]
        if len(texts) == len(value.elts) and all(isinstance(text, str) for text in texts):
            return [str(text) for text in texts]
    raise RequirementsError(
        f"line {value.lineno} of {source}: the {_KEYWORD} of the plugin are computed, which only "
        "works in a plugin that can be imported: install its packages by hand, or write a list "
        "of texts"
    )


def _returned_text(method: ast.FunctionDef, source: Path) -> list[str]:
    has_docstring = ast.get_docstring(method) is not None
    match method.body[has_docstring:]:
        case [ast.Return(value=ast.Constant(value=str() as text))]:
            return [text]
        case [
            ast.Raise(
                exc=ast.Name(id="NotImplementedError")
                | ast.Call(func=ast.Name(id="NotImplementedError"))
            )
        ]:
            return []
    raise RequirementsError(
        f"line {method.lineno} of {source}: {_METHOD}() computes its text, which only works in a "
        "plugin that can be imported: install its packages by hand, or let it return a literal"
    )
