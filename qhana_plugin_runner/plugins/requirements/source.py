"""The requirements of plugins that cannot be imported, read from their source.

A plugin whose dependency is missing has no instance to ask, and is the one that has to be asked.
So its ``get_requirements`` is looked up in the source, and understood when it does nothing but
return a text. Nothing of the plugin is run.
"""

import ast
import tokenize
from collections.abc import Iterator
from pathlib import Path

from .errors import RequirementsError

__all__ = ["requirements_in_source"]

_METHOD = "get_requirements"


def requirements_in_source(file: Path) -> list[str]:
    """Return the texts that the plugins of a module or package ask for; empty when none do.

    Parameters:
        file: the module, or the ``__init__.py`` of the package.

    Raises:
        RequirementsError: a source cannot be read, or computes what is needed.
    """
    return [
        text
        for source in _files(file)
        for method in _methods(source)
        for text in _returned(method, source)
    ]


def _files(file: Path) -> list[Path]:
    if file.name != "__init__.py":
        return [file]
    package = file.parent
    return [
        source
        for source in sorted(package.rglob("*.py"))
        if "tests" not in source.relative_to(package).parts
    ]


def _methods(source: Path) -> Iterator[ast.FunctionDef]:
    try:
        with tokenize.open(source) as opened:  # in the encoding that it declares
            tree = ast.parse(opened.read())
    except (SyntaxError, ValueError) as error:
        # The file may be one of many, and another one may name the requirements; but they
        # would be incomplete.
        raise RequirementsError(
            f"{source} is no Python that can be read ({error}): correct it"
        ) from error
    except OSError as error:
        raise RequirementsError(
            f"{source} cannot be read ({error.strerror}): change its permissions"
        ) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name == _METHOD:
                    yield member


def _returned(method: ast.FunctionDef, source: Path) -> list[str]:
    statements = method.body
    if ast.get_docstring(method) is not None:
        statements = statements[1:]
    match statements:
        case [ast.Return(value=ast.Constant(value=str() as text))]:
            return [text]
        case [ast.Raise(exc=ast.Name(id="NotImplementedError"))]:
            return []
        case [ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError")))]:
            return []
    raise RequirementsError(
        f"line {method.lineno} of {source}: {_METHOD}() computes its text, which only a plugin "
        "that can be imported does: install its packages by hand, or let it return a literal"
    )
