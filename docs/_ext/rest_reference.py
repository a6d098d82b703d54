"""The directives ``endpoints-reference`` and ``pages-reference``: what the runner answers to.

Both look at an app without plugins: the endpoints are read from its OpenAPI document, the pages
from its routes that are not in the document.
"""

import inspect
import re
from functools import cache
from typing import Any

from docutils import nodes
from flask import Flask
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from qhana_plugin_runner import create_app
from qhana_plugin_runner.api import ROOT_API

# What comes with Flask and its extensions has a docstring for programmers, or none.
_SUMMARIES = {
    "docs.rapidoc": "The API in RapiDoc.",
    "docs.redoc": "The API in Redoc.",
    "docs.swagger_ui": "The API in Swagger UI.",
    "static": "A static file of the runner.",
    "api-docs.openapi_json": "The OpenAPI document of the runner and its plugins.",
}


@cache
def runner() -> tuple[Flask, dict[str, Any]]:
    """Return an app with all pages and without plugins, and its OpenAPI document."""
    settings = {"DEBUG": True, "AUTH_MODE": "token", "PLUGIN_FOLDERS": []}
    app = create_app(settings, silent_log=True)
    with app.app_context():
        return app, ROOT_API.spec.to_dict()


def endpoints() -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and operation of each documented endpoint."""
    _, spec = runner()
    return [
        (method.upper(), path, operation)
        for path, operations in sorted(spec["paths"].items())
        for method, operation in operations.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


def pages() -> list[tuple[str, str]]:
    """Return path and summary of each route that is not in the OpenAPI document."""
    app, spec = runner()
    found = {}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^<>:]*:)?([^<>]*)>", r"{\1}", rule.rule)
        if path not in spec["paths"]:
            found[path] = _SUMMARIES.get(rule.endpoint) or _first_line(
                app.view_functions[rule.endpoint]
            )
    return sorted(found.items())


def _first_line(view: Any) -> str:
    lines = (inspect.getdoc(view) or "").splitlines()
    return lines[0] if lines else ""


def _answer(status: str, response: dict[str, Any]) -> str:
    types = ", ".join(f"`{name}`" for name in response.get("content", ()))
    return f"{status} {types}".strip()


def _row(method: str, path: str, operation: dict[str, Any]) -> str:
    answers = [
        _answer(status, response)
        for status, response in sorted(operation["responses"].items())
        if status != "default"
    ]
    summary = operation.get("summary", "").replace("|", r"\|")
    return f"| `{method}` | `{path}` | {summary} | {'; '.join(answers)} |"


class EndpointsReference(SphinxDirective):
    """One row for each method of each endpoint."""

    def run(self) -> list[nodes.Node]:
        lines = [
            "| Method | Path | What it does | Responses |",
            "| --- | --- | --- | --- |",
        ]
        lines += [_row(*endpoint) for endpoint in endpoints()]
        return self.parse_text_to_nodes("\n".join(lines))


class PagesReference(SphinxDirective):
    """One row for each page."""

    def run(self) -> list[nodes.Node]:
        lines = ["| Path | What it is |", "| --- | --- |"]
        lines += [f"| `{path}` | {summary} |" for path, summary in pages()]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("endpoints-reference", EndpointsReference)
    app.add_directive("pages-reference", PagesReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
