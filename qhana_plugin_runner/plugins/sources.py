"""What the source of a plugin says of it, read without importing it.

A plugin whose packages are missing cannot be imported, or not used. Names, texts and requirements
are understood when they are literals, or names of such in the same file. No code of it runs.
"""

import ast
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..util.docstrings import read_docstring
from .requirements.lines import RequirementsError

_METHOD = "get_requirements"
_DECORATOR, _REQUIREMENTS = "plugin", "requirements"


@dataclass(frozen=True)
class PluginSource:
    """A class or a decorated function that makes a plugin.

    Attributes:
        file: where it is defined.
        texts: the literals that describe it: ``name``, ``version``, ``title``, ``tags``, ...
        node: what makes the plugin.
    """

    file: Path
    texts: Mapping[str, Any]
    node: ast.ClassDef | ast.FunctionDef

    def text(self, name: str) -> str:
        """Return a text that describes the plugin; empty when it is no literal."""
        value = self.texts.get(name)
        return value if isinstance(value, str) else ""

    @property
    def tags(self) -> list[str]:
        """The tags of the plugin."""
        tags = self.texts.get("tags")
        return [str(tag) for tag in tags] if isinstance(tags, (list, tuple)) else []

    @cached_property
    def requirements(self) -> str:
        """What the plugin needs, as the text of a ``requirements.txt``.

        Raises:
            RequirementsError: it is computed.
        """
        if isinstance(self.node, ast.FunctionDef):
            call = _decorator(self.node)
            for keyword in call.keywords if call else ():
                if keyword.arg == _REQUIREMENTS:  # the short form
                    return _literal_text(keyword.value, self.file)
            return ""
        for member in self.node.body:
            if isinstance(member, ast.FunctionDef) and member.name == _METHOD:
                return _returned_text(member, self.file)
        for member in self.node.body:
            match member:
                case ast.Assign(targets=[ast.Name(id=name)]) if name == _REQUIREMENTS:
                    return _literal_text(member.value, self.file)
        return ""


def read_source(file: Path) -> list[PluginSource]:
    """Return the plugins that the source of a plugin module defines.

    Args:
        file: the module, or the ``__init__.py`` of the package.

    Raises:
        RequirementsError: a source file cannot be read.
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
    return [plugin for source in files for plugin in _plugins(source)]


def _plugins(source: Path) -> Iterator[PluginSource]:
    tree = _parsed(source)
    constants = _assigned(tree.body, {})
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield PluginSource(source, _assigned(node.body, constants), node)
        elif isinstance(node, ast.FunctionDef) and (call := _decorator(node)):
            texts: dict[str, Any] = {
                "name": node.name.replace("_", "-"),
                "description": read_docstring(ast.get_docstring(node)).description,
            }
            for keyword in call.keywords:
                texts |= _value(keyword.arg, keyword.value, constants)
            yield PluginSource(source, texts, node)


def _assigned(body: list[ast.stmt], constants: Mapping[str, Any]) -> dict[str, Any]:
    """Return the literals that are assigned in a module or class, by name."""
    found: dict[str, Any] = {}
    for statement in body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                found |= _value(name, value, {**constants, **found})
            case ast.Assign(
                targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)
            ) if len(names) == len(values):
                for target, value in zip(names, values):
                    if isinstance(target, ast.Name):
                        found |= _value(target.id, value, {**constants, **found})
    return found


def _value(
    name: str | None, value: ast.expr, constants: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a literal by its name; nothing when it is computed."""
    if name is None:
        return {}
    if isinstance(value, ast.Name):
        return {name: constants[value.id]} if value.id in constants else {}
    if isinstance(value, ast.Attribute):  # PluginType.processing
        return {name: value.attr}
    try:
        return {name: ast.literal_eval(value)}
    except ValueError:
        return {}


def _decorator(function: ast.FunctionDef) -> ast.Call | None:
    """Return the decorator that makes a plugin of a function."""
    for each in function.decorator_list:
        match each:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if (
                name == _DECORATOR
            ):
                return each
    return None


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


def _literal_text(value: ast.expr, source: Path) -> str:
    if isinstance(value, (ast.List, ast.Tuple)):
        texts = [each.value for each in value.elts if isinstance(each, ast.Constant)]
        if len(texts) == len(value.elts) and all(isinstance(text, str) for text in texts):
            return "\n".join(map(str, texts))
    raise RequirementsError(
        f"line {value.lineno} of {source}: the {_REQUIREMENTS} of the plugin are computed, which only "
        "works in a plugin that can be imported: install its packages by hand, or write a list "
        "of texts"
    )


def _returned_text(method: ast.FunctionDef, source: Path) -> str:
    has_docstring = ast.get_docstring(method) is not None
    match method.body[has_docstring:]:
        case [ast.Return(value=ast.Constant(value=str() as text))]:
            return text
        case [
            ast.Raise(
                exc=ast.Name(id="NotImplementedError")
                | ast.Call(func=ast.Name(id="NotImplementedError"))
            )
        ]:
            return ""
    raise RequirementsError(
        f"line {method.lineno} of {source}: {_METHOD}() computes its text, which only works in a "
        "plugin that can be imported: install its packages by hand, or let it return a literal"
    )
