"""The directive ``health-checks``: what the runner examines of itself."""

from inspect import getdoc

from docutils import nodes
from shims_reference import table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from qhana_plugin_runner.operations.health import CHECKS

HEADS = ("Name", "What is examined", "Where")


class HealthChecks(SphinxDirective):
    """One row for each check."""

    def run(self) -> list[nodes.Node]:
        rows: list[list[nodes.Node]] = [
            [
                nodes.paragraph("", "", nodes.literal("", check.name)),
                nodes.paragraph("", getdoc(check.look) or ""),
                nodes.paragraph("", _where(check.is_vital, check.for_doctor)),
            ]
            for check in CHECKS
        ]
        return [table(HEADS, rows, (15, 60, 25))]


def _where(is_vital: bool, for_doctor: bool) -> str:
    if for_doctor:
        return "flask doctor only"
    return "decides about 503" if is_vital else "everywhere"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("health-checks", HealthChecks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
